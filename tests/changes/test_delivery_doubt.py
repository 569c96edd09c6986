"""Calls whose outcome is not known, in the whole wording of the catalogue, through the real delivery."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.changes.delivery import circuit_breaker, readback
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Attempt, Change, Revision, Status, StatusCause
from portal.changes.rules.guards import StaleRevision
from portal.changes.workflow import review, submission
from portal.sandbox import Sandbox
from tests.changing import approve, work
from tests.rig.checker import check
from tests.rig.rounds import rounds
from tests.segura import events
from tests.vault.authority import make_tls
from tests.vault.conftest import Listener, listener  # noqa: F401 - a fixture
from tests.vouching import LOOKED, PRESENT

pytestmark = pytest.mark.django_db
Approved = Callable[..., Change]


@pytest.fixture
def edited() -> set[int]:
    """Secrets that the test edits in the vault itself."""
    return set()


@pytest.fixture(autouse=True)
def checked(segura: Sandbox, edited: set[int]) -> Iterator[None]:
    """All invariants, after every test."""
    yield
    segura.control.clear_faults()
    check(segura.control, settled=False, by_hand=edited)


def puts(segura: Sandbox) -> list[dict[str, object]]:
    return segura.control.arrivals("update")


def applications(segura: Sandbox) -> list[dict[str, object]]:
    return list(segura.control.journal()["applications"])


@pytest.mark.shows("D01", "D04")
@pytest.mark.parametrize(("fault", "code"), [("504_after_apply", 504), ("drop", None), ("reset", None)])
def test_an_applied_call_without_its_answer_is_applied_once_and_the_log_has_both_exchanges(
    fault: str, code: int | None, segura: Sandbox, approved: Approved
) -> None:
    segura.control.plan(fault, endpoint="update")
    change = work(approved())
    assert (change.status, change.cause, change.last_http_status) == (Status.IN_DOUBT, StatusCause.UNANSWERED, code)
    assert (work(change).status, change.cause) == (Status.APPLIED, StatusCause.READ_BACK)
    assert len(applications(segura)) == 1
    calls = events("vault.responded") + events("vault.unanswered")
    told = [(event["data"]["method"], event["http_status"]) for event in sorted(calls, key=lambda event: event["at"])]
    assert told[-2:] == [("PUT", code), ("GET", 200)]


@pytest.mark.shows("D02", "D04")
@pytest.mark.parametrize("fault", ["504_before_apply", "drop_before", "reset_before"])
def test_a_call_that_was_not_applied_goes_again_with_the_same_bytes(
    fault: str, segura: Sandbox, approved: Approved
) -> None:
    segura.control.knobs(update_success_style="201_registered")
    segura.control.plan(fault, endpoint="update")
    change = work(approved())
    assert change.status == Status.IN_DOUBT
    assert (work(change).status, change.cause, change.last_http_status) == (Status.APPLIED, StatusCause.CONFIRMED, 201)
    assert [attempt.outcome for attempt in Attempt.objects.all()] == ["in_doubt", "applied"]
    if fault != "reset_before":  # of which nobody read the body
        first, second = puts(segura)
        assert first["body_sha256"] == second["body_sha256"]


@pytest.mark.shows("D03")
def test_no_late_copy_of_an_earlier_change_overwrites_a_later_one(
    segura: Sandbox, settings: Settings, approved: Approved
) -> None:
    settings.DELIVERY_HOLD_S = hold_s = 0.8
    for number in range(rounds(3, 10)):
        late = [*(random.uniform(0, hold_s) for _ in range(5)), hold_s - 0.05]
        segura.control.plan("504_before_apply", endpoint="update", replays=late)
        first = approved(base=None, url=f"https://first-{number}.example")
        second = approved(base=None, url=f"https://second-{number}.example")
        gives_up_at = time.monotonic() + 20
        while work(second).status != Status.APPLIED:
            work(first)
            assert time.monotonic() < gives_up_at
        assert work(first).status == Status.APPLIED
        (sent,) = [call["at"] for call in puts(segura) if call["attempt_id"] in attempts_of(second)]
        doubtful = [call["at"] for call in puts(segura) if call["attempt_id"] == attempts_of(first)[0]]
        assert sent > doubtful[-1] + hold_s
        assert len([each for each in applications(segura) if each["replay"]]) == 6 * (number + 1)
        assert segura.control.secret(43)["url"] == f"https://second-{number}.example"


def attempts_of(change: Change) -> list[str]:
    return [str(attempt.pk) for attempt in Attempt.objects.filter(change=change)]


@contextmanager
def hops(kind: str, segura: Sandbox, folder: Path) -> Iterator[str]:
    """An address at which nothing can be sent."""
    if kind == "certificate":
        certificate, key, *_ = make_tls(folder)
        with Sandbox(tls=(certificate, key)) as strange:
            yield strange.url
            assert strange.control.arrivals() == []
    elif kind == "connect timeout":
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            waiting = [socket.socket() for _ in range(3)]
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            yield f"http://127.0.0.1:{full.getsockname()[1]}/"
            for each in waiting:
                each.close()
    elif kind == "dns":
        yield "https://no-such-host.invalid/"
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        yield f"http://127.0.0.1:{port}/"


@pytest.mark.shows("D05")
@pytest.mark.parametrize("kind", ["refused", "dns", "connect timeout", "certificate"])
def test_what_cannot_be_sent_is_tried_again_ever_later_and_holds_nothing(
    kind: str,
    segura: Sandbox,
    settings: Settings,
    approved: Approved,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The call itself meets it: the reading before it still went well."""
    monkeypatch.setattr(circuit_breaker, "is_paused", lambda: False)  # else one change is tried for all at one pace
    settings.DELIVERY_BACKOFF_S, settings.SEGURA_CONNECT_TIMEOUT_S = 1, 0.2
    change = approved()
    seen, pauses = readback.read_back, []
    with hops(kind, segura, tmp_path) as url:

        def read(*asked: object) -> readback.Readback:
            reading = seen(*asked)
            asked[0]._edge._config = asked[0].config = elsewhere(asked[0].config, url)
            return reading

        monkeypatch.setattr(readback, "read_back", read)
        for _ in range(11):
            Change.objects.update(not_before=None)
            work(change)
            assert (change.status, change.cause) == (Status.APPROVED, StatusCause.NOT_SENT)
            pauses.append(round((change.not_before - change.updated_at).total_seconds()))
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert (change.replay_window_until, change.in_doubt_since) == (None, None)
    assert {attempt.outcome for attempt in Attempt.objects.all()} == {"not_sent"}
    paused = events("delivery.paused")
    assert paused[0]["data"]["alarm"] is (kind == "certificate")
    assert puts(segura) == []


def elsewhere(config: object, url: str) -> object:
    """The same configuration with another address."""
    return replace(config, url=url, token_url=config.token_url)


@pytest.mark.shows("D06")
@pytest.mark.parametrize(
    "fault",
    ["cut_status_line", "empty_201", "html_201", "error_true", "erro_true", "other_identifier", "broken_json",
     "big_body:10"],
)  # fmt: skip
def test_an_answer_that_proves_nothing_is_never_taken_for_applied(
    fault: str, segura: Sandbox, approved: Approved
) -> None:
    segura.control.knobs(update_success_style="201_registered")
    segura.control.plan(fault, endpoint="update", apply="never")
    change = work(approved())
    assert change.status == Status.IN_DOUBT
    assert work(change).status == Status.APPLIED
    assert len(applications(segura)) == 1


@pytest.mark.shows("D07")
def test_a_dripping_answer_is_ended_at_the_total_deadline(
    segura: Sandbox, settings: Settings, approved: Approved
) -> None:
    change = approved()
    settings.SEGURA_DEADLINE_S = 1
    segura.control.plan("drip:0.5", endpoint="update")
    begun = time.monotonic()
    assert work(change).status == Status.IN_DOUBT
    assert 0.9 < time.monotonic() - begun < 2
    (answered,) = events("delivery.answered")
    assert "total deadline" in answered["data"]["message"]


ODD = json.dumps({"message": "&#" + "9" * 5000 + ";"})
"""Valid JSON whose message the standard library cannot unescape."""


def test_an_answer_that_no_code_was_written_for_is_in_the_log_and_its_change_in_doubt(
    segura: Sandbox, approved: Callable[..., Change]
) -> None:
    segura.control.plan(endpoint="update", status=502, body=ODD)
    change = work(approved())
    assert (change.status, Attempt.objects.get().http_status) == (Status.IN_DOUBT, 502)
    assert [event["http_status"] for event in events("vault.responded") if event["data"]["method"] == "PUT"] == [502]


def test_a_reading_that_fails_in_a_way_nobody_thought_of_keeps_no_lane_for_ever(
    segura: Sandbox, approved: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_: object) -> None:
        raise RecursionError

    segura.control.plan("504_before_apply", endpoint="update")
    change = work(approved())
    monkeypatch.setattr("portal.changes.delivery.readback.details.fetch_details", defect)
    Change.objects.update(replay_window_until=None, not_before=None)
    assert work(change).status == Status.IN_DOUBT
    Change.objects.update(in_doubt_since=F("in_doubt_since") - timedelta(days=2), not_before=None)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TRIES_SPENT)


@pytest.mark.shows("D09")
def test_a_third_value_is_left_alone_until_a_person_has_looked(
    segura: Sandbox, approved: Approved, edited: set[int]
) -> None:
    edited.add(43)
    segura.control.plan("504_before_apply", endpoint="update")
    change = work(approved())
    segura.control.edit(43, url="https://somebody-else.example")
    later = approved(base=None, notes="of a later change")
    assert (work(change, rounds=3).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.THIRD_VALUE)
    assert work(later).status == Status.APPROVED
    assert len(puts(segura)) == 1
    assert segura.control.secret(43)["url"] == "https://somebody-else.example"


@pytest.mark.shows("D10")
def test_a_base_that_moved_voids_the_approval_and_sends_nothing(
    segura: Sandbox, approved: Approved, propose: Callable[..., Proposal], requester: User, approver: User
) -> None:
    change = approved()
    seen = change.get_current_revision()
    segura.control.edit(43, notes="edited behind the portal")
    assert (work(change).status, change.cause) == (Status.STALE, StatusCause.BASE_MOVED)
    assert (events("change.stale")[-1]["change"], puts(segura)) == (change.pk, [])
    submission.revise_change(change.pk, propose(base=None), by=requester)
    assert work(change).status == Status.PENDING
    with pytest.raises(StaleRevision):
        review.approve_change(
            change.pk, by=approver, revision=seen.number, digest=seen.digest, recent_auth=PRESENT, review_proof=LOOKED
        )
    change.refresh_from_db()
    assert work(approve(change, approver)).status == Status.APPLIED


@pytest.mark.shows("D11")
@pytest.mark.parametrize("refusal", [{"fault": "refuse:1006:User does not have access"}, {"status": 403, "body": "{}"}])
def test_a_refused_read_back_falls_to_the_same_bytes_behind_the_hold_without_asking_on_and_on(
    refusal: dict[str, object], segura: Sandbox, settings: Settings, approved: Approved
) -> None:
    settings.DELIVERY_HOLD_S = 60
    segura.control.plan("504_after_apply", endpoint="update")
    change = approved()
    later = approved(base=None, url="https://later.example")
    before = len(segura.control.arrivals("get"))
    work(change)
    segura.control.plan(endpoint="get", times=None, **refusal)
    assert work(change, rounds=3).status == Status.APPLIED
    assert len(segura.control.arrivals("get")) - before <= 3
    first, second = puts(segura)
    assert first["body_sha256"] == second["body_sha256"]
    assert work(later).status == Status.APPROVED, "the gateway may still replay the first call"


def test_a_doubt_that_goes_on_is_one_doubt_in_the_log(segura: Sandbox, settings: Settings, approved: Approved) -> None:
    segura.control.plan("504_after_apply", endpoint="update")
    change = work(approved())
    segura.control.plan("504_before_apply", endpoint="get", times=None)
    assert work(change, rounds=2).status == Status.IN_DOUBT
    segura.control.clear_faults()
    assert work(change).status == Status.APPLIED
    assert [event["data"]["from"] for event in events("change.in_doubt")] == ["sending"]
    assert [event["data"]["from"] for event in events("change.still_in_doubt")] == ["in_doubt"] * 2


@pytest.mark.shows("D12")
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_stops_all_delivery(
    status: int,
    segura: Sandbox,
    approved: Approved,
    listener: Listener,  # noqa: F811 - the fixture of that name
) -> None:
    change = approved()
    segura.control.plan(f"redirect:{status}:{listener.url}", endpoint="update")
    assert (work(change).status, change.last_http_status) == (Status.IN_DOUBT, status)
    assert (listener.connections, listener.received) == (0, b"")
    (paused,) = events("delivery.paused")
    assert (paused["data"]["alarm"], paused["http_status"]) == (True, status)


B5 = [
    ({"fault": "401", "times": 2}, "not_applied", Status.APPROVED, "access token"),
    ({"fault": "no_route", "times": 2}, "not_applied", Status.APPROVED, "access token"),
    ({"fault": "429:7"}, "not_applied", Status.APPROVED, "rate limit"),
    ({"fault": "503_no_peer"}, "not_applied", Status.APPROVED, "failure to get a peer"),
    ({"fault": "refuse:1005:Api secret not found"}, "refused", Status.FAILED, "1005"),
    ({"fault": "refuse:1010:Unexpected identifier type"}, "refused", Status.FAILED, "1010"),
    ({}, "applied", Status.APPLIED, "updated"),
    ({"fault": "500_envelope"}, "in_doubt", Status.IN_DOUBT, "Unexpected error"),
    ({"fault": "502"}, "in_doubt", Status.IN_DOUBT, "invalid response"),
    ({"fault": "504_before_apply"}, "in_doubt", Status.IN_DOUBT, "timing out"),
    ({"fault": "drop"}, "in_doubt", Status.IN_DOUBT, "closed without an answer"),
    ({"fault": "cut_body"}, "in_doubt", Status.IN_DOUBT, "without a whole answer"),
    ({"status": 302, "body": "", "apply": "never"}, "in_doubt", Status.IN_DOUBT, "redirected"),
    ({"status": 418, "body": "{}"}, "in_doubt", Status.IN_DOUBT, "418 does not say"),
]


@pytest.mark.shows("D14")
@pytest.mark.parametrize("token", ["held", "renewed"])
@pytest.mark.parametrize(("step", "outcome", "status", "words"), B5, ids=lambda row: str(row)[:30])
def test_each_kind_of_evidence_has_its_outcome_its_next_state_and_its_words_in_the_log(
    step: dict[str, object], outcome: str, status: str, words: str, token: str, segura: Sandbox, approved: Approved
) -> None:
    change = approved()
    if token == "renewed":
        segura.control.plan("no_route", endpoint="update")
        step = {**step, "times": 1} if step else step
    if step:
        segura.control.plan(endpoint="update", **step)
    assert work(change).status == status
    (answered,) = events("delivery.answered")
    attempt = Attempt.objects.get()
    assert (answered["data"]["outcome"], attempt.outcome) == (outcome, outcome)
    told = f"{answered['data']['message']} {change.last_message} {' '.join(reason for reason in reasons())}"
    assert words in told
    assert answered["http_status"] == attempt.http_status
    assert (change.replay_window_until is not None) == (status == Status.IN_DOUBT)
    erased = Revision.objects.get().encrypted_secret is None
    assert erased or status in (Status.APPROVED, Status.IN_DOUBT)


def reasons() -> list[str]:
    return [event["data"]["reason"] for event in events("delivery.paused")]
