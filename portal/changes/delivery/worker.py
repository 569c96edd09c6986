"""Processing of one message about one change: wait for a slot, then deliver it or resolve its unknown outcome."""

from __future__ import annotations

import time

from django.conf import settings

from portal.changes.delivery import circuit_breaker, claims, deliver
from portal.changes.delivery.reconcile import resolve_unknown_outcome
from portal.changes.models import LANE, Change, Status
from portal.changes.transitions import db_now
from portal.common import request_id


def process_change(change_id: int) -> int | None:
    """Process one change as far as possible now; return the id of the next change of the same secret, if one waits.

    If a rate limit is set, or a backlog is delivered after a pause, the worker first sleeps until its slot, at most
    SWEEP_EVERY_S seconds. Without a slot it leaves the change to the sweep.
    """
    change = Change.objects.filter(pk=change_id, status__in=(Status.APPROVED, Status.IN_DOUBT))
    found = change.values_list("status", "approval_request_id", circuit_breaker.SLOWED).first()
    if found is None:
        return None
    status, request, slowed = found
    if slowed or settings.DELIVERY_RATE_PER_S:
        wait_s = _reserve_slot(change_id)
        if wait_s is None:
            return None
        time.sleep(wait_s)
    return _advance(change_id, status, request)


def _reserve_slot(change_id: int) -> float | None:
    """Return the seconds until the slot of the change; None without a slot. A change that is not due reserves none."""
    now = db_now()
    due = (claims.recheckable_changes(now) | claims.ready_changes(now)).filter(pk=change_id)
    return circuit_breaker.reserve_slot(now) if due.exists() else None


def _advance(change_id: int, status: str, request: str) -> int | None:
    with request_id.request_id_context(request):
        if status == Status.IN_DOUBT:
            resolve_unknown_outcome(change_id)
        deliver.deliver_approved_change(change_id)
    return find_following(change_id)


def find_following(change_id: int) -> int | None:
    """Return the id of the next change of the same secret if this one has left the lane, None if none waits."""
    lane_left = Change.objects.filter(pk=change_id).exclude(status__in=(Status.APPROVED, *LANE)).values("secret")
    waiting = Change.objects.filter(secret__in=lane_left, status=Status.APPROVED)
    # All these rows have one secret; ordering by it makes PostgreSQL use the index change_lane and no other.
    return waiting.order_by("secret", "queued_at", "pk").values_list("pk", flat=True).first()
