"""Claims of a change for delivery or for a read-back: one UPDATE, a lease and a fencing token."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import (
    BooleanField,
    Case,
    F,
    OuterRef,
    Q,
    Subquery,
    When,
)
from django.db.models.functions import Now

from portal.audit import ledger
from portal.changes.delivery import circuit_breaker
from portal.changes.models import LANE, Change, ChangeQuerySet, Status
from portal.changes.transitions import _LaneTaken, db_now
from portal.common.db_expressions import exists_by_index


def ready_changes(now: datetime | Now) -> ChangeQuerySet:
    """Return the approved changes that may be sent at `now` (B3).

    A change must wait while another change of the same secret is in LANE, may still be replayed by the gateway, or was
    queued earlier; also while an earlier call of its own may be replayed, unless it is to repeat that same call.
    """
    own_hold_over = Q(replay_window_until=None) | Q(replay_window_until__lte=now) | Q(in_doubt_since__isnull=False)
    in_time = Q(not_before=None) | Q(not_before__lte=now)
    # One subquery for each partial index, in its order: for an OR, or a LIMIT without an order, PostgreSQL would read
    # all changes of the secret, or of all secrets.
    others = Change.objects.filter(secret=OuterRef("secret"))
    on_its_way = exists_by_index(others.filter(status__in=LANE))
    replayable = exists_by_index(
        others.filter(replay_window_until__gt=now).exclude(pk=OuterRef("pk")), order="replay_window_until"
    )
    first_queued = others.filter(status=Status.APPROVED).order_by("queued_at", "pk").values("pk")[:1]
    its_turn = Case(When(pk=Subquery(first_queued), then=True), default=False, output_field=BooleanField())
    return Change.objects.filter(~on_its_way, ~replayable, Q(its_turn), own_hold_over, in_time, status=Status.APPROVED)


def recheckable_changes(now: datetime) -> ChangeQuerySet:
    """Return the changes in doubt that are due for a read-back at `now` and claimed by no worker."""
    return Change.objects.filter(
        Q(not_before=None) | Q(not_before__lte=now),
        Q(lease_until=None) | Q(lease_until__lte=now),
        status=Status.IN_DOUBT,
    )


def claim_change(change_id: int) -> Change | None:
    """Claim a change for delivery (B2), in its own durable transaction.

    Returns None if another worker has it, if it is not due, or if delivery is paused.
    """
    with suppress(_LaneTaken), transaction.atomic(durable=True):
        try:
            claimed = (
                ready_changes(Now())
                .filter(pk=change_id)
                .update(
                    status=Status.SENDING,
                    fence=F("fence") + 1,
                    updated_at=Now(),
                    status_since=Now(),
                    lease_until=Now() + lease_duration(),
                )
            )
        except IntegrityError:  # change_one_lane_per_secret
            raise _LaneTaken from None
        if not claimed or not _admitted():
            return None
        change = Change.objects.get(pk=change_id)
        ledger.record_event(
            "delivery.started",
            change=change.pk,
            secret=change.secret,
            data={"fence": change.fence, "revision": change.revision},
        )
        return change
    return None


def is_still_claimed(change: Change) -> bool:
    """Return whether the claim is still valid; lock the row so that it stays valid until the transaction ends."""
    held = Change.objects.select_for_update().filter(pk=change.pk, fence=change.fence, status=Status.SENDING)
    return held.values_list("pk", flat=True).first() is not None


def claim_for_read_back(change_id: int) -> Change | None:
    """Claim a change in doubt for a read-back, in its own durable transaction.

    Returns None if another worker has it, if it is not due, or if delivery is paused.
    """
    with transaction.atomic(durable=True):
        now = db_now()
        won = (
            recheckable_changes(now)
            .filter(pk=change_id)
            .update(fence=F("fence") + 1, lease_until=now + lease_duration())
        )
        return Change.objects.get(pk=change_id) if won and _admitted() else None


def _admitted() -> bool:
    """Return whether a new claim may stay; while delivery is paused, roll back every claim but that of the probe.

    Needs a statement of its own: a claim that waits for its row does not see a pause that begins meanwhile.
    """
    if circuit_breaker.may_call():
        return True
    transaction.set_rollback(True)
    return False


def lease_duration() -> timedelta:
    """Return how long a worker may process a change before another worker may take it over."""
    return timedelta(seconds=settings.DELIVERY_LEASE_S)
