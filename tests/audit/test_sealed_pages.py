"""What the pages say about the log as evidence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_type_hints

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.audit import tasks
from portal.audit.ledger import record_event
from portal.audit.models import Event, TreeLeaf
from portal.audit.sealing import sealer
from portal.audit.verification.recorded import verify_and_record
from portal.celery import app
from tests.audit.tampering import overwrite, past_the_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_key")]

Open = Callable[[User], Client]


@pytest.fixture
def browser(auditor: User, as_person: Open) -> Client:
    return as_person(auditor)


def read(browser: Client, address: str) -> str:
    text: str = browser.get(address).content.decode()
    return re.sub(r"\s+", " ", text)


def test_log_says_up_to_where_it_is_sealed_and_what_the_last_verification_found(browser: Client) -> None:
    last = [record_event("vault.responded", change=7, http_status=201) for _ in range(3)][-1]
    sealer.seal_pending_events()
    size = TreeLeaf.objects.count()
    text = read(browser, "/audit/")
    assert f"{size} events under one signature" in text
    assert f">event {last}<" in text
    assert "Not verified yet." in text
    verify_and_record(by="maria")
    assert "Last verification: intact," in read(browser, "/audit/")
    overwrite(last, http_status=500)
    verify_and_record()
    text = read(browser, "/audit/")
    assert "Last verification: NOT intact," in text
    assert f"(event {last}): column http_status says 500" in text


def test_log_that_nobody_seals_says_so_after_a_while(browser: Client) -> None:
    record_event("session.started", by="maria")
    assert "Nothing has been sealed since" not in read(browser, "/audit/")
    with time_machine.travel(timezone.now().timestamp() + 120):
        text = read(browser, "/audit/")
    assert "Nothing has been sealed since" in text
    assert "AUDIT_SIGNING_KEY" in text


def test_event_shows_whether_it_is_sealed_and_its_proof(browser: Client) -> None:
    number = record_event("vault.responded", change=7, http_status=201)
    assert "Not sealed yet." in read(browser, f"/audit/events/{number}/")
    sealer.seal_pending_events()
    text = read(browser, f"/audit/events/{number}/")
    leaf = TreeLeaf.objects.get(event=number).leaf
    assert f"Leaf {leaf} of the log;" in text
    assert "countersign-audit" in text
    assert "This is not what was sealed" not in text


def test_event_that_is_not_what_was_sealed_says_so(browser: Client) -> None:
    number = record_event("vault.responded", change=7, http_status=201)
    sealer.seal_pending_events()
    text = Event.objects.get(pk=number).text
    overwrite(number, text=text.replace("201", "200"))
    assert "This is not what was sealed." in read(browser, f"/audit/events/{number}/")
    overwrite(number, text=text)
    assert "This is not what was sealed." not in read(browser, f"/audit/events/{number}/")
    with past_the_triggers():
        TreeLeaf.objects.filter(leaf=0).delete()
    assert "This is not what was sealed." in read(browser, f"/audit/events/{number}/")


def test_auditor_asks_for_a_verification_and_a_worker_does_it_once(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(tasks.run_verification, "delay", asked.append)
    sealer.seal_pending_events()
    assert browser.get("/audit/verify/").status_code == 405
    for _ in range(2):
        response = browser.post("/audit/verify/", follow=True)
        assert "The log is being verified" in response.content.decode()
    (event,) = Event.objects.filter(action="audit.verification_asked")
    assert (asked, event.actor) == ([event.pk], "auditor")
    for _ in range(2):
        tasks.run_verification(asked[0])
    (verified,) = Event.objects.filter(action="audit.verified")
    assert verified.entry is not None
    assert (verified.entry.actor, verified.entry.data["outcome"]) == ("auditor", "intact")
    browser.post("/audit/verify/")
    assert len(asked) == 2
    cache.clear()


def test_verification_without_a_queue_is_a_sentence(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_asked: int) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(tasks.run_verification, "delay", gone)
    for _ in range(2):
        response = browser.post("/audit/verify/", follow=True)
        assert "The queue cannot be reached" in response.content.decode()


def test_worker_that_finds_something_cries_out(caplog: pytest.LogCaptureFixture) -> None:
    number = record_event("vault.responded", change=7, http_status=201)
    sealer.seal_pending_events()
    overwrite(number, http_status=500)
    tasks.run_verification()
    assert "the audit log is not intact" in caplog.text


@pytest.mark.parametrize("asked", [0, -1, 10**18, 1])
def test_message_that_no_event_stands_behind_puts_no_name_into_the_log(asked: int) -> None:
    sealer.seal_pending_events()
    tasks.run_verification(asked)
    assert not Event.objects.filter(action="audit.verified").exists()


def test_messages_to_workers_hold_numbers_alone() -> None:
    """Whoever can write to the broker must be able to name no person: ids lead to rows that say who."""
    app.loader.import_default_modules()
    tasks_of_ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    assert len(tasks_of_ours) > 8
    for name, task in tasks_of_ours.items():
        hints = get_type_hints(task.run)
        hints.pop("return"), hints.pop("self", None)
        assert set(hints.values()) <= {int, int | None}, name


def test_beat_names_tasks_that_exist() -> None:
    from django.conf import settings as portal_settings

    assert {"audit.seal", "audit.due"} <= {one["task"] for one in portal_settings.CELERY_BEAT_SCHEDULE.values()}
    assert {"audit.seal", "audit.due", "audit.verify"} <= set(app.tasks)
