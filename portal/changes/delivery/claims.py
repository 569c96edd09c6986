"""Claim a change for delivery or for a read-back: one UPDATE, a lease and a fencing token."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import (
    BooleanField,
    Case,
    DurationField,
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
from portal.common.prepared import Given, Prepared


def ready_changes(now: datetime | Now) -> ChangeQuerySet:
    """Approved changes that may be sent at `now` (B3).

    Not while another change of the same secret is on its way, may still be replayed by the gateway, or was queued
    earlier and waits; nor while an earlier call of its own may be replayed, unless it goes on to repeat that very call.
    """
    own_hold_over = Q(hold_until=None) | Q(hold_until__lte=now) | Q(doubtful_since__isnull=False)
    in_time = Q(not_before=None) | Q(not_before__lte=now)
    # One question for each partial index, in its order: PostgreSQL would answer an OR, or a LIMIT without an order, by
    # reading all changes of the secret, or of all secrets.
    others = Change.objects.filter(secret=OuterRef("secret"))
    on_its_way = exists_by_index(others.filter(status__in=LANE))
    replayable = exists_by_index(others.filter(hold_until__gt=now).exclude(pk=OuterRef("pk")), order="hold_until")
    first_queued = others.filter(status=Status.APPROVED).order_by("queued_at", "pk").values("pk")[:1]
    its_turn = Case(When(pk=Subquery(first_queued), then=True), default=False, output_field=BooleanField())
    return Change.objects.filter(~on_its_way, ~replayable, Q(its_turn), own_hold_over, in_time, status=Status.APPROVED)


def recheckable_changes(now: datetime) -> ChangeQuerySet:
    """Changes in doubt that nobody is reading back at `now`."""
    return Change.objects.filter(
        Q(not_before=None) | Q(not_before__lte=now),
        Q(lease_until=None) | Q(lease_until__lte=now),
        status=Status.IN_DOUBT,
    )


def claim_change(change_id: int) -> Change | None:
    """Take a change that is ready for delivery (B2): own durable transaction; None for whoever loses, or must wait."""
    with suppress(_LaneTaken), transaction.atomic(durable=True):
        try:
            change = _CLAIMED.one(id=change_id, lease=lease_duration())
        except IntegrityError:  # the lane index
            raise _LaneTaken from None
        if change is None:
            return None
        if not _admitted():
            return None
        ledger.record_event(
            "delivery.started",
            change=change.pk,
            secret=change.secret,
            data={"fence": change.fence, "revision": change.revision},
        )
        return change
    return None


def is_still_claimed(change: Change) -> bool:
    """Whether this claim of the change stands, and will until the transaction ends."""
    return bool(_STILL_HELD.rows(id=change.pk, fence=change.fence))


def claim_for_read_back(change_id: int) -> Change | None:
    """Take a change in doubt for a read-back; None for whoever loses. Own durable transaction."""
    with transaction.atomic(durable=True):
        now = db_now()
        won = (
            recheckable_changes(now)
            .filter(pk=change_id)
            .update(fence=F("fence") + 1, lease_until=now + lease_duration())
        )
        return Change.objects.get(pk=change_id) if won and _admitted() else None


def _admitted() -> bool:
    """Whether a claim that was won stands: while delivery is paused all but one are taken back.

    A statement of its own: the claim may have waited for its row while a person paused delivery, and sees it as it was.
    """
    if circuit_breaker.may_call():
        return True
    transaction.set_rollback(True)
    return False


def lease_duration() -> timedelta:
    """How long a worker may be busy with a change before another one takes over."""
    return timedelta(seconds=settings.DELIVERY_LEASE_S)


_STILL_HELD = Prepared(
    lambda: (
        Change.objects.select_for_update()
        .filter(pk=Given("id"), fence=Given("fence"), status=Status.SENDING)
        .values("pk")
    )
)


_CLAIMED = Prepared(
    lambda: ready_changes(Now()).filter(pk=Given("id")),
    {
        "status": Status.SENDING,
        "fence": F("fence") + 1,
        "updated_at": Now(),
        "status_since": Now(),
        "lease_until": Now() + Given("lease", DurationField()),
    },
)
