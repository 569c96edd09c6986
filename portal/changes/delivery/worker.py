"""One message about one change: take its turn, then deliver it or settle its unknown outcome."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from portal.changes.delivery import circuit_breaker, claims, deliver
from portal.changes.delivery.reconcile import resolve_unknown_outcome
from portal.changes.models import LANE, Change, Status
from portal.changes.transitions import db_now
from portal.common import request_id
from portal.common.prepared import Given, Prepared


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
        "status", "request", circuit_breaker.SLOWED
    )
)
