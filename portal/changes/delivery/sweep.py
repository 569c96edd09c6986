"""The periodic search for changes that are due, expired, or whose worker was lost."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from portal.audit import ledger
from portal.changes.delivery import circuit_breaker, claims, results, status_changes
from portal.changes.models import Attempt, Change, Status, StatusCause
from portal.changes.transitions import db_now, lock_change, move_change

BATCH = 500
# A change in doubt does not expire: it may be applied already, or the gateway may still replay its call.
_MAY_EXPIRE = Q(status__in=(Status.PENDING, Status.APPROVED, Status.STALE), in_doubt_since=None)


def run_sweep() -> list[int]:
    """Drain the spool, take over lost claims, expire changes, and return the ids that are due. Makes no network call.

    During a manual pause that is no id; while the breaker is open at most one, of the change that was tried longest
    ago, so that one change that always fails cannot keep delivery paused; after it as many as sweep_quota() allows.
    """
    results.drain_spool()
    for change_id in _ids(Q(status=Status.SENDING, lease_until__lte=db_now()), order="lease_until"):
        _take_over(change_id)
    for change_id in _ids(_MAY_EXPIRE & Q(expires_at__lte=db_now()), order="expires_at"):
        _expire(change_id)
    found, quota = due_change_ids(), circuit_breaker.sweep_quota(db_now())
    if quota is None:
        return found
    if not found:
        circuit_breaker.end_backlog()
    untried = Change.objects.filter(pk__in=found).order_by("updated_at", "pk")
    return list(untried.values_list("pk", flat=True)[:quota])


def due_change_ids() -> list[int]:
    """Return the ids of changes that a worker could claim now: first those in doubt, then the approved, oldest first.

    Each secret has at most one, because a lane is processed in order.
    """
    now = db_now()
    doubts = claims.recheckable_changes(now).order_by("in_doubt_since", "pk")
    ready = claims.ready_changes(now).order_by("queued_at", "pk")
    return [pk for found in (doubts, ready) for pk in found.values_list("pk", flat=True)[:BATCH]]


def _take_over(change_id: int) -> None:
    """End an expired claim: the change is in doubt if a call was intended, otherwise surely not sent (F01-F04)."""
    with transaction.atomic(durable=True):
        change = lock_change(change_id)
        if change.status != Status.SENDING or not change.lease_until or change.lease_until > db_now():
            return
        ledger.record_event("delivery.claim_lost", change=change.pk, secret=change.secret, data={"fence": change.fence})
        intended = Attempt.objects.filter(change=change, fence=change.fence).exists()
        if intended:
            status_changes.mark_in_doubt(change, StatusCause.WORKER_LOST)
        else:
            status_changes.requeue_later(change, StatusCause.NEVER_STARTED)


def _expire(change_id: int) -> None:
    with transaction.atomic(durable=True):
        change = lock_change(change_id)
        if Change.objects.filter(_MAY_EXPIRE, pk=change_id, expires_at__lte=db_now()).exists():
            move_change(change, Status.EXPIRED, "change.expired")


def _ids(condition: Q, *, order: str) -> list[int]:
    return list(Change.objects.filter(condition).order_by(order, "pk").values_list("pk", flat=True)[:BATCH])
