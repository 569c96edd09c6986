"""record(): what it writes, what it refuses to write, and that it never leaves half of anything behind."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from portal.accounts.models import User
from portal.accounts.request_origin import _address
from portal.audit import entry
from portal.audit.actions import ACTION_GROUPS, ACTIONS, UnknownAction, action_choices
from portal.audit.ledger import canonical_json, record_event
from portal.audit.models import Event
from portal.common import request_id


def data_of(number: int) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(Event.objects.get(pk=number).text)["data"]
    return read


@pytest.mark.django_db
def test_an_event_says_who_what_when_and_from_where() -> None:
    token = _address.set("10.1.2.3")
    try:
        with request_id.request_id_context("a1b2"):
            data = {"method": "PUT", "n": 5}
            number = record_event("vault.responded", by="maria", change=7, secret=43, http_status=201, data=data)
    finally:
        _address.reset(token)
    event = Event.objects.get(pk=number)
    read = event.entry
    assert read is not None
    assert (read.action, read.actor, read.address, read.request) == ("vault.responded", "maria", "10.1.2.3", "a1b2")
    assert (read.change, read.seq, read.secret, read.http_status) == (7, 1, 43, 201)
    assert read.data == {"method": "PUT", "n": 5}
    assert read.at == event.at
    assert (event.action, event.actor, event.change, event.seq, event.secret, event.http_status) == (
        "vault.responded",
        "maria",
        7,
        1,
        43,
        201,
    )


@pytest.mark.django_db
def test_the_text_is_canonical_and_stays_so() -> None:
    number = record_event("vote.cast", by="joão", change=7, data={"z": [1, None, True], "a": {"y": "é", "b": ""}})
    text = Event.objects.get(pk=number).text
    assert text == canonical_json(json.loads(text))
    assert '"data":{"a":{"b":"","y":"é"},"z":[1,null,true]},' in text
    assert text.endswith('},"http_status":null,"request":"","secret":null,"seq":1,"v":1}')
    assert text.startswith('{"action":"vote.cast","actor":"joão","address":"","at":"')


@pytest.mark.django_db
def test_numbers_run_within_each_change_and_not_without_one() -> None:
    for change in (1, 2, 1, None, 1, 2):
        record_event("change.submitted", change=change)
    assert list(Event.objects.order_by("id").values_list("change", "seq")) == [
        (1, 1),
        (2, 1),
        (1, 2),
        (None, None),
        (1, 3),
        (2, 2),
    ]


@pytest.mark.django_db(transaction=True)
def test_numbers_are_dense_when_eight_write_at_once() -> None:
    rounds, start, problems = 12, threading.Barrier(8), []

    def write() -> None:
        try:
            start.wait()
            for _ in range(rounds):
                with transaction.atomic():
                    record_event("vault.responded", change=7, http_status=200)
                    record_event("delivery.answered", change=8, http_status=200)
        except Exception as problem:  # noqa: BLE001 - a thread's failure is the test's
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    for change in (7, 8):
        numbers = Event.objects.filter(change=change).order_by("seq").values_list("seq", flat=True)
        assert list(numbers) == list(range(1, 8 * rounds + 1))


@pytest.mark.django_db(transaction=True)
def test_an_act_that_is_rolled_back_leaves_no_event() -> None:
    with transaction.atomic():
        record_event("change.submitted", by="maria", change=7)
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    record_event("change.submitted", by="maria", change=7)
    assert Event.objects.get().seq == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unwritable_log")
def test_a_log_that_cannot_be_written_takes_the_act_down_with_it() -> None:
    with transaction.atomic():
        User.objects.create_user("maria")
        with pytest.raises(DatabaseError):
            record_event("session.started", by="maria")
        # Whoever swallows the error still gets nothing done.
    assert not User.objects.filter(username="maria").exists()


@pytest.mark.django_db
def test_an_action_nobody_announced_is_refused() -> None:
    with pytest.raises(UnknownAction):
        record_event("change.exploded")
    assert not Event.objects.exists()


def test_every_action_has_a_noun_and_can_be_filtered_for() -> None:
    offered = {value for _, options in action_choices() for value, _ in options}
    assert offered == {*ACTIONS, *ACTION_GROUPS, "failures", "pauses"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "client_secret",
        "Client-Secret",
        "clientSecret",
        "password",
        "access_token",
        "Authorization",
        "sealed",
        "encrypted_secret",
        "Cookie",
    ],
)
@pytest.mark.parametrize("value", ["s3cr3t-canary", ["s3cr3t-canary"], {"old": "s3cr3t-canary"}, 5318008])
def test_what_stands_under_the_name_of_a_secret_is_masked(name: str, value: Any) -> None:
    number = record_event("change.submitted", data={"patch": {name: value}})
    assert data_of(number) == {"patch": {name: "****"}}


@pytest.mark.django_db
def test_whether_a_secret_was_given_may_be_told() -> None:
    number = record_event("change.submitted", data={"client_secret": True, "token": None, "password": ""})
    assert data_of(number) == {"client_secret": True, "token": None, "password": ""}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "kept"),
    [("a\ud800b", "a?b"), ("a\0b", "a\ufffdb"), ("a\u202eb", "a\u202eb"), ("=1+1\r\n", "=1+1\r\n"), ("名", "名")],
)
def test_awkward_text_is_kept_as_far_as_both_engines_can(text: str, kept: str) -> None:
    number = record_event("vote.cast", by=text[:3], data={"reason": text, text: 1})
    assert data_of(number) == {"reason": kept, kept: 1}
    assert "\n" not in Event.objects.get(pk=number).text


@pytest.mark.django_db
@pytest.mark.parametrize("value", [1.5, float("nan"), b"bytes", object(), {1, 2}])
def test_what_has_no_one_spelling_has_no_place_in_the_log(value: object) -> None:
    with pytest.raises(TypeError):
        record_event("vote.cast", data={"value": value})
    assert not Event.objects.exists()


leaf = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)
name = st.from_regex("[b-z]{1,5}", fullmatch=True)
tree = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(name, inner, max_size=4), max_leaves=12
)


class TestReadingBack(TestCase):
    @settings(deadline=None, max_examples=50)
    @given(data=st.dictionaries(st.sampled_from(["reason", "message", "b", "x"]), tree, max_size=4))
    def test_what_is_written_is_what_is_read(self, data: dict[str, Any]) -> None:
        event = Event.objects.get(pk=record_event("vote.cast", data=data))
        assert event.entry is not None
        assert event.entry.data == data


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"v":1}', '{"v":1,"at":"x"}', "\0", '{"at":"2026-01-01T00:00:00+00:00","v":1,"a":2}'],
)
def test_a_text_the_ledger_did_not_write_is_unreadable(text: str) -> None:
    with pytest.raises(entry.UnreadableEntry):
        entry.parse_entry(text)


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["", "+02:00"])
def test_a_time_of_no_zone_or_another_one_is_unreadable(zone: str) -> None:
    text = Event.objects.get(pk=record_event("catalog.synced")).text
    with pytest.raises(entry.UnreadableEntry):
        entry.parse_entry(text.replace("+00:00", zone, 1))
