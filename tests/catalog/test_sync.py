"""The mirror follows Segura's list; whatever stands in the way ends in a sentence, and marks nothing."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from portal.catalog import sync
from portal.catalog.models import ApiSecret, CatalogSync
from portal.catalog.sync import sync_catalog
from portal.devserver.redis_server import free_port
from portal.sandbox import Sandbox, seed
from tests.people import mirrored
from tests.segura import events

pytestmark = pytest.mark.django_db

LISTED = 23
"""The stand-in's seed without the inactive secret and the one that is not shared with the portal."""


def test_first_synchronisation_brings_all_that_segura_lists(segura: Sandbox) -> None:
    done = sync_catalog()
    assert (done.ok, done.listed, done.added, done.altered, done.returned, done.vanished) == (
        True,
        LISTED,
        LISTED,
        0,
        0,
        0,
    )
    treasury = ApiSecret.objects.get(identifier=51)
    assert (treasury.name, treasury.need_justify, treasury.need_approval) == ("treasury-api", True, True)
    assert not ApiSecret.objects.get(identifier=55).can_write
    assert ApiSecret.objects.get(identifier=61).name == "Integração Câmbio & Preços"


def test_secret_that_is_renamed_or_loses_a_right_is_altered(segura: Sandbox) -> None:
    sync_catalog()
    segura.control.edit(12, name="Stripe-Webhook-EU")
    segura.control.edit(14, access="view")
    done = sync_catalog()
    assert (done.added, done.altered, done.vanished) == (0, 2, 0)
    renamed = ApiSecret.objects.get(identifier=12)
    assert (renamed.name, renamed.folded) == ("Stripe-Webhook-EU", "stripe-webhook-eu")
    assert not ApiSecret.objects.get(identifier=14).can_write


def test_secret_that_is_no_longer_listed_is_marked_and_kept(segura: Sandbox) -> None:
    sync_catalog()
    segura.control.edit(12, access="none")
    done = sync_catalog()
    assert (done.listed, done.vanished) == (LISTED - 1, 1)
    gone = ApiSecret.objects.get(identifier=12)
    assert gone.vanished_at is not None
    assert gone.name == "stripe-webhook"
    assert sync_catalog().vanished == 0


def test_secret_that_is_listed_again_returns_with_its_first_day(segura: Sandbox) -> None:
    sync_catalog()
    first_seen_at = ApiSecret.objects.get(identifier=12).first_seen_at
    segura.control.edit(12, access="none")
    sync_catalog()
    segura.control.edit(12, access="owner", name="back")
    done = sync_catalog()
    assert (done.added, done.altered, done.returned) == (0, 0, 1)
    back = ApiSecret.objects.get(identifier=12)
    assert (back.vanished_at, back.name, back.first_seen_at) == (None, "back", first_seen_at)


def test_nothing_new_writes_no_secret(segura: Sandbox) -> None:
    sync_catalog()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        sync_catalog()
    assert not [
        query for query in queries if "catalog_apisecret" in query["sql"] and not query["sql"].startswith("SELECT")
    ]


def test_thousands_of_secrets_take_few_queries(settings: Settings, segura: Sandbox) -> None:
    with Sandbox(seed=seed.seed_items(9000)) as large:
        settings.SEGURA_URL = large.url
        with CaptureQueriesContext(connection) as first:
            assert sync_catalog().added == LISTED + 9000
        with CaptureQueriesContext(connection) as second:
            assert sync_catalog().altered == 0
    assert len(first) < 120
    assert len(second) < 30


def test_names_that_a_database_would_choke_on_are_kept_clean(segura: Sandbox) -> None:
    segura.control.edit(12, name="a\x00b\u202ec" + "x" * 600)
    sync_catalog()
    name = ApiSecret.objects.get(identifier=12).name
    assert name.startswith("a b c")
    assert len(name) == 500


def test_end_is_on_record_with_its_figures_and_who_asked(segura: Sandbox) -> None:
    done = sync_catalog(by="admin")
    (entry,) = events("catalog.synced")
    assert entry["actor"] == "admin"
    assert entry["data"] == {
        "sync": done.pk, "ok": True, "listed": LISTED, "added": LISTED, "altered": 0, "returned": 0, "vanished": 0,
        "left_out": 0, "odd": [], "kind": "", "number": None, "message": "",
    }  # fmt: skip
    read = events("vault.responded")[-1]
    assert (read["actor"], read["data"]["correlation"]) == ("admin", f"sync-{done.pk}")


def broken(segura: Sandbox, settings: Settings, how: str) -> None:
    """Let the next synchronisation meet this."""
    if how == "unreachable":
        settings.SEGURA_URL = f"http://127.0.0.1:{free_port()}/"
    elif how == "wrong client secret":
        settings.SEGURA_CLIENT_SECRET = "canary-not-it"
        segura.control.revoke_tokens()
    elif how == "not configured":
        settings.SEGURA_CLIENT_ID = ""
    elif how == "too slow":
        settings.SEGURA_DEADLINE_S = 0.3
        segura.control.plan("slow:3", endpoint="list")
    elif how == "not an envelope":
        segura.control.plan(endpoint="list", body="[]")
    elif how == "row without identifier":
        segura.control.plan(endpoint="list", body=_list([{"name": "x"}]))
    elif how == "rows are not rows":
        segura.control.plan(endpoint="list", body=_list(["x"]))
    else:
        segura.control.plan(how, endpoint="list", times=None)


def _list(rows: list[Any]) -> str:
    import json

    return json.dumps(
        {"code": 200, "response": {"status": 200, "message": "", "error": False}, "api_secret_on_list": rows}
    )


@pytest.mark.parametrize(
    ("how", "kind", "code", "words"),
    [
        ("unreachable", "unreachable", None, "Segura cannot be reached"),
        ("wrong client secret", "unauthorised", 401, "SEGURA_CLIENT_SECRET"),
        ("no_route", "unauthorised", 404, "does not accept Countersign's access key (HTTP 404)"),
        ("401", "unauthorised", 401, "does not accept Countersign's access key (HTTP 401)"),
        ("not configured", "not_configured", None, "(SEGURA_CLIENT_ID is not set)"),
        ("502", "gateway", 502, "The gateway in front of Segura answered HTTP 502"),
        ("html_502", "gateway", 502, "The gateway in front of Segura answered HTTP 502"),
        ("504_before_apply", "gateway", 504, "The gateway in front of Segura answered HTTP 504"),
        ("500_envelope", "unreadable", 500, "Segura's answer (HTTP 500) was not understood"),
        ("broken_json", "unreadable", 200, "Segura's answer (HTTP 200) was not understood"),
        ("not an envelope", "unreadable", 200, "SEGURA_URL leads to Segura's API"),
        ("row without identifier", "unreadable", 200, "no row of the list can be read"),
        ("rows are not rows", "unreadable", 200, "no row of the list can be read"),
        ("redirect:302:https://elsewhere.example/", "unreadable", 302, "Segura's answer (HTTP 302)"),
        ("refuse:1099:canary", "refused", 400, "error 1099"),
        ("too slow", "unanswered", None, "did not answer in time"),
        ("drop", "unanswered", None, "broke off"),
        ("cut_body", "unreadable", 200, "was not understood"),
    ],
)
def test_failure_ends_in_a_sentence_and_marks_nothing(
    segura: Sandbox, settings: Settings, how: str, kind: str, code: int | None, words: str
) -> None:
    sync_catalog()
    before = list(ApiSecret.objects.order_by("pk").values())
    broken(segura, settings, how)
    failed = sync_catalog()
    assert (failed.ok, failed.kind, failed.code) == (False, kind, code)
    assert words in failed.sentence
    assert failed.finished_at is not None
    assert list(ApiSecret.objects.order_by("pk").values()) == before
    entry = events("catalog.synced")[-1]
    assert (entry["http_status"], entry["data"]["ok"], entry["data"]["kind"]) == (code, False, kind)


def test_synchronisation_works_again_after_a_failure(segura: Sandbox) -> None:
    segura.control.plan("502", endpoint="list")
    assert not sync_catalog().ok
    assert sync_catalog().ok


def test_sudden_empty_list_is_not_believed(segura: Sandbox) -> None:
    sync_catalog()
    segura.control.plan(endpoint="list", body=_list([]))
    done = sync_catalog()
    assert (done.ok, done.kind) == (False, "empty")
    assert "Nothing was marked as vanished" in done.sentence
    assert ApiSecret.objects.present().count() == LISTED


def test_empty_list_is_believed_when_somebody_says_so(segura: Sandbox) -> None:
    sync_catalog()
    segura.control.plan(endpoint="list", body=_list([]))
    done = sync_catalog(accept_empty=True)
    assert (done.ok, done.vanished) == (True, LISTED)
    assert not ApiSecret.objects.present().exists()


def test_empty_list_from_the_start_is_believed(segura: Sandbox) -> None:
    segura.control.plan(endpoint="list", body=_list([]))
    assert sync_catalog().ok


def test_asking_twice_asks_once(segura: Sandbox) -> None:
    asked = sync.create_sync(by="requester")
    assert asked is not None
    assert sync.create_sync(by="admin") is None
    done = sync_catalog(asked=asked.pk)
    assert (done.pk, done.by, done.ok) == (asked.pk, "requester", True)
    assert sync.create_sync(by="admin") is not None


def test_message_that_arrives_twice_is_carried_out_once(segura: Sandbox) -> None:
    asked = sync.create_sync(by="requester")
    assert asked is not None
    sync_catalog(asked=asked.pk)
    assert sync_catalog(asked=asked.pk).ok
    assert len(segura.control.arrivals("list")) == 1


def test_synchronisation_whose_worker_died_is_closed_by_the_next(segura: Sandbox, settings: Settings) -> None:
    lost = sync.create_sync(by="requester")
    assert lost is not None
    CatalogSync.objects.update(asked_at=timezone.now() - timedelta(seconds=3 * settings.SEGURA_DEADLINE_S + 1))
    assert sync.create_sync(by="admin") is not None
    sync_catalog()
    lost.refresh_from_db()
    assert (lost.ok, lost.kind) == (False, "interrupted")
    assert "a worker is running" in lost.sentence


@pytest.mark.django_db(transaction=True)
def test_list_that_was_overtaken_is_set_aside(segura: Sandbox) -> None:
    segura.control.plan("hold", endpoint="list")
    done: list[CatalogSync] = []
    slow = _in_thread(lambda: done.append(sync_catalog(by="slow")))
    segura.control.wait(lambda journal: journal["held"])
    segura.control.edit(12, access="none")
    newer = sync_catalog(by="quick")
    segura.control.release()
    slow.join()
    assert (newer.ok, newer.listed) == (True, LISTED - 1)
    assert (done[0].ok, done[0].kind) == (True, "superseded")
    assert not ApiSecret.objects.filter(identifier=12).exists()


@pytest.mark.django_db(transaction=True)
def test_several_at_once_do_no_harm(segura: Sandbox) -> None:
    mirrored(999, "gone since")
    done: list[CatalogSync] = []
    threads = [_in_thread(lambda: done.append(sync_catalog())) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert [each.ok for each in done] == [True] * 4
    assert sum(each.added for each in done) == LISTED
    assert sum(each.vanished for each in done) == 1
    assert ApiSecret.objects.present().count() == LISTED


def _in_thread(act: Any) -> threading.Thread:
    def run() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread
