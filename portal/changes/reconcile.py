"""Doubt settled by reading back; what is due, stuck or expired found by the clock of the database."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import Q, QuerySet

from portal import correlation
from portal.audit import ledger
from portal.catalog import connection
from portal.changes import breaker, conclusions, delivery, readback, settlement, transitions
from portal.changes.models import LANE, Attempt, Change, Revision, Status, StatusCause
from portal.changes.patch import Judgement, SnapshotMatch
from portal.changes.readback import Readback, ReadbackAction
from portal.changes.transitions import db_now, lock_change, move_change
from portal.prepared import Given, Prepared
from portal.vault import AppliedUnverified, RefusedCheck

_log = logging.getLogger(__name__)
BATCH = 500
# What may already be in the vault, or may still be replayed, does not just expire.
_MAY_EXPIRE = Q(status__in=(Status.PENDING, Status.APPROVED, Status.STALE), doubtful_since=None)


def process_change(change_id: int) -> int | None:
    """Take one change as far as it goes now; return the id of the next change of the same secret, if one waits.

    After a pause of delivery it first waits for its turn, in place: a fraction of a second for each worker.
    """
    for status, request, slowed in _LOOK.rows(id=change_id):
        if slowed or settings.DELIVERY_PER_S:
            wait_s = _turn(change_id)
            if wait_s is None:
                return None
            time.sleep(wait_s)
        return _advance(change_id, status, request)
    return None


def _turn(change_id: int) -> float | None:
    """Seconds until the change's turn; None where it has none, or is not due: that would be a turn for nothing."""
    now = db_now()
    due = (transitions.recheckable_changes(now) | transitions.ready_changes(now)).filter(pk=change_id)
    return breaker.reserve_slot(now) if due.exists() else None


def _advance(change_id: int, status: str, request: str) -> int | None:
    with correlation.request_id_context(request):
        if status == Status.IN_DOUBT:
            resolve_unknown_outcome(change_id)
        delivery.deliver_approved_change(change_id)
    return find_following(change_id)


def find_following(change_id: int) -> int | None:
    """Return the id of the next change of the same secret if this one has left the lane, None if none waits."""
    return next((following for (following,) in _FOLLOWING.rows(id=change_id)), None)


def _following() -> QuerySet[Change, Any]:
    """The next change of the same secret, where this one has left the lane."""
    lane_left = Change.objects.filter(pk=Given("id")).exclude(status__in=(Status.APPROVED, *LANE)).values("secret")
    waiting = Change.objects.filter(secret__in=lane_left, status=Status.APPROVED)
    # The secret is one and the same; named here, it lets PostgreSQL go by no other index than that of the lane.
    return waiting.order_by("secret", "queued_at", "pk").values("pk")[:1]


_FOLLOWING = Prepared(_following)
_LOOK = Prepared(
    lambda: Change.objects.filter(pk=Given("id"), status__in=(Status.APPROVED, Status.IN_DOUBT)).values_list(
        "status", "request", breaker.SLOWED
    )
)


def resolve_unknown_outcome(change_id: int) -> None:
    """Read back a change in doubt: applied, to be sent again, still unknown, or a matter for a person (B6)."""
    change = transitions.claim_for_read_back(change_id)
    if change is None:
        return
    reading = _read(change)
    with transaction.atomic(durable=True):
        try:
            with transaction.atomic():
                _settle_doubt(change, reading)
        except transitions.WrongState:
            ledger.record_event("delivery.lost", change=change.pk, secret=change.secret, data={"fence": change.fence})
        if reading.seen or reading.error:
            reading.tell_breaker()


def _read(change: Change) -> Readback:
    try:
        client = connection.build_client(change=change.pk, secret=change.secret)
        return readback.confirm_value(client, change.current(), readback.read_back(client, change.secret))
    except connection.NotConfigured:
        return Readback()
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - an answer that no code was written for must not keep a lane for ever
        _log.error("change %d could not be read back: %s", change.pk, type(error).__name__)
        return Readback()


def _settle_doubt(change: Change, reading: Readback) -> None:
    restored = change.cause == StatusCause.RESTORED
    revision = change.current()
    todo = readback.decide_action(revision, reading, doubtful=True, restored=restored)
    answered = "" if restored or todo is ReadbackAction.WAIT else _answered(change)
    if todo is ReadbackAction.APPLIED:
        conclusions.mark_applied(change, StatusCause.READ_BACK)
    elif answered:
        _settle_answered(change, revision, reading, said_yes=answered == AppliedUnverified.code)
    elif todo is ReadbackAction.ESCALATE:
        conclusions.escalate_to_operator(change, StatusCause.THIRD_VALUE)
    elif todo is ReadbackAction.UNPROVED:
        conclusions.escalate_to_operator(
            change, StatusCause.RESTORED_UNSEEN, code=reading.code, message=reading.message
        )
    elif conclusions.has_exhausted_attempts(change):
        conclusions.escalate_to_operator(change, StatusCause.RESTORED_UNSEEN if restored else StatusCause.TRIES_SPENT)
    elif todo in _RESENT:
        conclusions.requeue_same_bytes(change, _RESENT[todo])
    else:
        wait, own = reading.wait_s, reading.is_own_trouble
        conclusions.keep_in_doubt(change, code=reading.code, message=reading.message, wait_s=wait, own=own)


def _answered(change: Change) -> str:
    """The outcome of the newest call if Segura answered it without proving it; '' if not."""
    calls = Attempt.objects.filter(change=change).order_by("-started_at")
    newest = calls.values_list("outcome", flat=True).first() or ""
    return newest if newest in (AppliedUnverified.code, RefusedCheck.code) else ""


def _settle_answered(change: Change, revision: Revision, reading: Readback, *, said_yes: bool) -> None:
    """Settle a call that Segura answered without proving it: sent again, it would be answered the same (B5)."""
    if reading.seen is None:
        cause = StatusCause.UNVERIFIED if said_yes else StatusCause.REFUSED_UNSEEN
        conclusions.escalate_to_operator(change, cause, code=reading.code, message=reading.message)
        return
    found = readback.compare_reading(revision, reading.seen)
    if said_yes:
        _settle_yes(change, found)
    elif found.finding is SnapshotMatch.OTHER:
        conclusions.escalate_to_operator(change, StatusCause.THIRD_VALUE)
    elif found.taken or found.hidden:
        conclusions.escalate_to_operator(change, StatusCause.REFUSED_UNSEEN)
    elif change.hold_until and change.hold_until > db_now():  # an earlier call may still be replayed
        conclusions.keep_in_doubt(change, own=True)
    else:
        conclusions.mark_failed(change, StatusCause.REFUSED_SEEN)


def _settle_yes(change: Change, found: Judgement) -> None:
    details = {"untaken": [list(entry) for entry in found.untaken]} if found.untaken else {}
    match found.finding:
        case SnapshotMatch.HIDDEN:
            conclusions.mark_applied(change, StatusCause.CONFIRMED_UNSEEN)
        case SnapshotMatch.PARTIAL:
            conclusions.mark_applied(change, StatusCause.APPLIED_EXCEPT, details={**details, "hidden": found.hidden})
        case SnapshotMatch.NONE_TAKEN:
            conclusions.mark_failed(change, StatusCause.NONE_TAKEN, details=details)
        case _:
            conclusions.escalate_to_operator(change, StatusCause.PARTLY_APPLIED, details=details)


_RESENT = {
    ReadbackAction.SEND: StatusCause.SEND_AGAIN,
    ReadbackAction.REPEAT_UNREAD: StatusCause.REPEAT_UNREAD,
    ReadbackAction.REPEAT_HIDDEN: StatusCause.REPEAT_HIDDEN,
}


def run_sweep() -> list[int]:
    """Take in kept answers and dead leases, end what is past its deadline, and return the ids that are due. No network.

    While delivery is paused that is at most one, the longest untried, so that no change that always fails keeps it
    paused for all; after it no more than may go out until the next sweep.
    """
    settlement.drain_spool()
    for change_id in _ids(Q(status=Status.SENDING, lease_until__lte=db_now()), order="lease_until"):
        _take_over(change_id)
    for change_id in _ids(_MAY_EXPIRE & Q(expires_at__lte=db_now()), order="expires_at"):
        _expire(change_id)
    found, quota = due_change_ids(), breaker.sweep_quota(db_now())
    if quota is None:
        return found
    if not found:
        breaker.end_backlog()
    untried = Change.objects.filter(pk__in=found).order_by("updated_at", "pk")
    return list(untried.values_list("pk", flat=True)[:quota])


def due_change_ids() -> list[int]:
    """Ids of what a worker could take up now, oldest first; at most one per secret, for lanes are served in order."""
    now = db_now()
    doubts = transitions.recheckable_changes(now).order_by("doubtful_since", "pk")
    ready = transitions.ready_changes(now).order_by("queued_at", "pk")
    return [pk for found in (doubts, ready) for pk in found.values_list("pk", flat=True)[:BATCH]]


def _take_over(change_id: int) -> None:
    """A worker did not come back: in doubt where a call was intended, else surely not sent (F01-F04)."""
    with transaction.atomic(durable=True):
        change = lock_change(change_id)
        if change.status != Status.SENDING or not change.lease_until or change.lease_until > db_now():
            return
        ledger.record_event("delivery.lost", change=change.pk, secret=change.secret, data={"fence": change.fence})
        intended = Attempt.objects.filter(change=change, fence=change.fence).exists()
        if intended:
            conclusions.mark_in_doubt(change, StatusCause.WORKER_LOST)
        else:
            conclusions.requeue_later(change, StatusCause.NEVER_STARTED)


def _expire(change_id: int) -> None:
    with transaction.atomic(durable=True):
        change = lock_change(change_id)
        if Change.objects.filter(_MAY_EXPIRE, pk=change_id, expires_at__lte=db_now()).exists():
            move_change(change, Status.EXPIRED, "change.expired")


def _ids(condition: Q, *, order: str) -> list[int]:
    return list(Change.objects.filter(condition).order_by(order, "pk").values_list("pk", flat=True)[:BATCH])
