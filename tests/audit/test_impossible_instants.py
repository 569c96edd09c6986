"""Instants that a database keeps and nobody else reckons with: named, and no cover for what else was done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.ledger import record_event
from portal.audit.models import Event
from portal.audit.sealing import sealer
from portal.audit.sealing.status import get_seal_status
from portal.audit.verification.verifier import verify_events
from portal.notifications import dispatch
from portal.notifications.models import PendingEvent
from tests.audit.tampering import beside_the_clock, past_the_triggers
from tests.audit.tampering import insert as insert_event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_key")]

IMPOSSIBLE = "4709-02-29"
"""No leap year; but 4709 BC, as PostgreSQL reckons years, is one, and without its era is written the same."""
AS_KEPT = f"{IMPOSSIBLE} 12:00:00+00 BC"


def insert(at: str, said: str, action: str = "session.started") -> None:
    """What the owner of the table may do: an event that the ledger did not write."""
    kept = Event.objects.earliest("pk")
    text = kept.text.replace(f"{kept.at:%Y-%m-%dT%H:%M:%S.%f}", said)
    assert text != kept.text
    with beside_the_clock(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (at, action, actor, text) VALUES (%s, %s, %s, %s)",
            [at, action, kept.actor, text],
        )


def logged(count: int = 5) -> list[int]:
    return [record_event("session.started", by="maria") for _ in range(count)]


@pytest.fixture
def log() -> list[int]:
    """Numbers of sealed events."""
    found = logged()
    sealer.seal_pending_events()
    assert verify_events().findings == []
    return found


@pytest.mark.shows("A03")
def test_a_date_that_cannot_be_hides_no_other_that_was_inserted(log: list[int]) -> None:
    insert(AS_KEPT, f"{IMPOSSIBLE}T12:00:00.000000")
    sealer.seal_pending_events()
    logged()
    insert("2020-01-01 00:00:00+00:00", "2020-01-01T00:00:00.000000")
    sealer.seal_pending_events()
    found = verify_events().findings
    assert any("dated 2020-01-01" in finding and "inserted" in finding for finding in found), found


def test_pages_show_it_as_what_it_is_and_the_rest_as_ever(
    log: list[int], as_person: Callable[[User], Client], auditor: User
) -> None:
    insert(AS_KEPT, f"{IMPOSSIBLE}T12:00:00.000000")
    browser = as_person(auditor)
    page = browser.get("/audit/").content.decode()
    assert "Not written by Countersign" in page
    assert all(f'href="/audit/events/{number}/"' in page for number in log)
    forged = Event.objects.order_by("-pk").values_list("pk", flat=True).get(text__contains=IMPOSSIBLE)
    assert IMPOSSIBLE in browser.get(f"/audit/events/{forged}/").content.decode()


def test_it_neither_takes_the_page_of_the_keys_nor_keeps_others_from_being_told(
    log: list[int], as_person: Callable[[User], Client], admin: User
) -> None:
    for action in ("encryption_key.rotated", "audit.key_changed", "delivery.paused"):
        insert(AS_KEPT, f"{IMPOSSIBLE}T12:00:00.000000", action)
    assert as_person(admin).get("/operations/keys/").status_code == 200
    dispatch.dispatch_events()
    assert not PendingEvent.objects.exists()


def test_it_hides_not_how_long_others_wait_for_the_sealer(log: list[int]) -> None:
    insert(AS_KEPT, f"{IMPOSSIBLE}T12:00:00.000000")
    past = timezone.now() - timedelta(hours=1)
    insert_event(at=past, action="catalog.synced", text="{}")
    assert get_seal_status().behind_since == past


@pytest.mark.shows("A03")
@pytest.mark.parametrize("at", ["BC", "infinity", "-infinity"])
def test_an_instant_moved_out_of_the_calendar_is_named(log: list[int], at: str) -> None:
    event = Event.objects.get(pk=log[2])
    moved = f"{event.at:%Y-%m-%d %H:%M:%S.%f}+00 BC" if at == "BC" else at
    with past_the_triggers(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_event SET at = %s WHERE id = %s", [moved, event.pk])
    (finding,) = verify_events().findings
    assert f"(event {event.pk}): column at says" in finding


@pytest.mark.parametrize(
    "at", ["0044-03-15 12:00:00+00 BC", "-infinity", "infinity", "20000-01-01 00:00:00+00", "2090-01-01"]
)
def test_an_instant_that_python_has_none_for_is_a_finding_before_it_is_sealed(log: list[int], at: str) -> None:
    insert(at, "2026-01-01T00:00:00.000000")
    (finding,) = verify_events().findings
    assert "dated ahead" in finding or "long before what is sealed: inserted" in finding
