"""The verification joins deliveries with votes: a call that was not approved is named, by events alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from portal.accounts.models import User
from portal.audit import ledger
from portal.audit.models import Event as Row
from portal.audit.sealing import sealer
from portal.audit.verification import verifier
from portal.audit.verification.delivery_checks import find_unapproved_deliveries
from portal.changes.models import Change, Status
from portal.changes.workflow import manual_resolution
from portal.sandbox import Sandbox
from tests.changing import work
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
DIGEST = "d" * 64
Event = tuple[str, str, dict[str, Any]]
PROPOSED: Event = ("change.submitted", "ana", {"revision": 1, "digest": DIGEST, "policy": {"required": 2}})
SENT: Event = ("delivery.intended", "", {"digest": DIGEST})


def vote(by: str, verdict: str = "approve", **other: Any) -> Event:
    return "vote.cast", by, {"verdict": verdict, "revision": 1, "digest": DIGEST, **other}


def write(*events: Event, change: int = 7) -> list[str]:
    """What the join says of a change with these events."""
    for action, by, data in events:
        ledger.record_event(action, by=by, change=change, secret=43, data=data)
    return list(find_unapproved_deliveries())


def test_delivery_with_the_votes_that_its_policy_asks_for_is_in_order() -> None:
    assert write(PROPOSED, vote("bea"), vote("carl"), ("change.approved", "carl", {}), SENT) == []


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([PROPOSED, SENT], "with 0 of 2 approvals"),
        ([PROPOSED, vote("bea"), SENT], "with 1 of 2 approvals"),
        ([PROPOSED, vote("bea"), vote("bea"), SENT], "with 1 of 2 approvals"),
        ([PROPOSED, vote("bea"), vote("carl", digest="e" * 64), SENT], "with 1 of 2 approvals"),
        ([PROPOSED, vote("bea"), vote("carl", revision=2), SENT], "with 1 of 2 approvals"),
        ([PROPOSED, vote("bea"), vote("carl", "request_changes"), SENT], "with 1 of 2 approvals"),
        ([PROPOSED, vote("bea"), vote("carl"), ("vote.voided", "", {"person": "bea"}), SENT], "with 1 of 2 approvals"),
        ([PROPOSED, vote("bea"), vote("carl"), ("delivery.intended", "", {"digest": "e" * 64})], "something else"),
        ([PROPOSED, vote("bea"), vote("carl"), ("change.rejected", "eva", {}), SENT], "after change.rejected"),
        ([PROPOSED, vote("bea"), vote("carl"), ("change.withdrawn", "ana", {}), SENT], "after change.withdrawn"),
        ([PROPOSED, vote("bea"), vote("carl"), ("change.expired", "", {}), SENT], "after change.expired"),
        ([PROPOSED, vote("bea"), vote("carl"), ("change.failed", "", {}), SENT], "after change.failed"),
        ([("change.submitted", "ana", {"digest": DIGEST, "policy": {"required": 0}}), SENT], "with 0 of 1 approvals"),
        ([SENT], "of something else than was proposed"),
    ],
)
def test_delivery_without_its_votes_is_named(events: list[Event], found: str) -> None:
    (finding,) = write(*events)
    assert found in finding
    assert "change 7" in finding


def test_votes_before_a_revision_do_not_count_for_it() -> None:
    revised: Event = ("change.revised", "ana", {"revision": 2, "digest": "e" * 64, "policy": {"required": 1}})
    sent: Event = ("delivery.intended", "", {"digest": "e" * 64})
    (finding,) = write(PROPOSED, vote("bea"), vote("carl"), revised, sent)
    assert "with 0 of 1 approvals" in finding


def test_real_deliveries_are_in_order_and_a_forged_one_makes_the_log_not_intact(
    segura: Sandbox, approved: Callable[..., Change], requester: User, signing_key: str
) -> None:
    segura.control.plan("refuse:1005:no", endpoint="update", identifier=43)
    change = work(approved())
    assert change.status == Status.FAILED
    manual_resolution.retry_change(change.pk, by=requester, recent_auth=PRESENT)
    assert work(change).status == Status.APPLIED
    sealer.seal_pending_events()
    assert verifier.verify_events().intact
    write(SENT, change=99)
    sealer.seal_pending_events()
    report = verifier.verify_events()
    assert not report.intact
    assert any("change 99" in finding for finding in report.findings)


def test_change_whose_beginning_is_past_its_retention_raises_no_alarm() -> None:
    write(PROPOSED, vote("bea"), vote("carl"), SENT)
    rows = Row.objects.filter(change=7, action__in=("change.submitted", "vote.cast"))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only")
        rows.delete()
        cursor.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only")
    assert list(find_unapproved_deliveries()) == []
