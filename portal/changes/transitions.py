"""The one writer of a change's status, with its event. ALLOWED is the picture of the states as data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from portal import correlation
from portal.audit import ledger
from portal.changes import breaker
from portal.changes.models import LANE, Change, ChangeQuerySet, Status

ALLOWED: dict[Status, tuple[Status, ...]] = {
    Status.PENDING: (Status.PENDING, Status.APPROVED, Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED),
    Status.APPROVED: (Status.APPROVED, Status.SENDING, Status.EXPIRED),
    Status.SENDING: (
        Status.APPLIED,
        Status.FAILED,
        Status.STALE,
        Status.APPROVED,
        Status.IN_DOUBT,
        Status.NEEDS_HUMAN,
    ),
    Status.IN_DOUBT: (Status.IN_DOUBT, Status.APPLIED, Status.APPROVED, Status.NEEDS_HUMAN),
    Status.NEEDS_HUMAN: (Status.IN_DOUBT, Status.APPLIED, Status.FAILED),
    Status.FAILED: (Status.APPROVED,),
    Status.STALE: (Status.PENDING, Status.WITHDRAWN, Status.EXPIRED),
    Status.APPLIED: (),
    Status.REJECTED: (),
    Status.WITHDRAWN: (),
    Status.EXPIRED: (),
}
ENDED = (Status.APPLIED, Status.FAILED, Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED)
"""The sealed value is erased on the way in."""


class WrongState(Exception):
    """The change is not, or no longer, in a state that allows this."""

    def __init__(self, change: Change) -> None:
        super().__init__(f"{change.number} is {change.status}")
        self.change = change


class _LaneTaken(Exception):
    """Another change of this secret was claimed in the same moment."""


def db_now() -> datetime:
    """The database's clock, the only one that leases and deadlines know."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            now: datetime = cursor.fetchone()[0]
            return now
        cursor.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)


def lock(change_id: int) -> Change:
    """The change, held until the transaction ends. Raises Change.DoesNotExist."""
    return Change.objects.select_for_update().get(pk=change_id)


def move(
    change: Change,
    to: Status,
    action: str,
    *,
    by: str = "",
    at: datetime | None = None,
    code: int | None = None,
    data: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Move the change and write its event, in the caller's transaction.

    Compare-and-swap on status, revision and fence as they stand in `change`: raises WrongState where they moved
    meanwhile or where ALLOWED has no such arrow. `at` is the database's time, where the caller has asked for it.
    `columns` are set along; the instance is brought up to date.
    """
    if to not in ALLOWED[Status(change.status)]:
        raise WrongState(change)
    now = at or db_now()
    columns |= {"status": to, "updated_at": now}
    if to in ENDED:
        columns["ended_at"] = now
    if to not in (Status.SENDING, Status.IN_DOUBT):
        columns["lease_until"] = None
    if to is Status.APPROVED and by:
        columns["request"] = correlation.current()  # the delivery goes on under it, whoever reminds the worker
    as_seen = Change.objects.filter(pk=change.pk, status=change.status, revision=change.revision, fence=change.fence)
    if not as_seen.update(**columns):
        raise WrongState(change)
    if to in ENDED:
        change.erase_sealed()
    came_from = change.status
    for name, value in columns.items():
        setattr(change, name, value)
    ledger.record(
        action,
        by=by,
        change=change.pk,
        secret=change.secret,
        code=code,
        data={"from": came_from, "to": str(to), "revision": change.revision, **(data or {})},
    )


def ready(now: datetime) -> ChangeQuerySet:
    """Approved changes that may be sent at `now` (B3).

    Not while another change of the same secret is on its way, may still be replayed by the gateway, or was approved
    earlier and waits; nor while an earlier call of its own may be replayed, unless it goes on to repeat that very call.
    """
    own_hold_over = Q(hold_until=None) | Q(hold_until__lte=now) | Q(doubtful_since__isnull=False)
    ahead = (
        Change.objects.filter(secret=OuterRef("secret"))
        .exclude(pk=OuterRef("pk"))
        .filter(
            Q(status__in=LANE)
            | Q(hold_until__gt=now)
            | Q(status=Status.APPROVED, approved_at__lt=OuterRef("approved_at"))
            | Q(status=Status.APPROVED, approved_at=OuterRef("approved_at"), pk__lt=OuterRef("pk"))
        )
    )
    in_time = Q(not_before=None) | Q(not_before__lte=now)
    return Change.objects.filter(~Exists(ahead), own_hold_over, in_time, status=Status.APPROVED)


def in_doubt(now: datetime) -> ChangeQuerySet:
    """Changes in doubt that nobody is reading back at `now`."""
    return Change.objects.filter(
        Q(not_before=None) | Q(not_before__lte=now),
        Q(lease_until=None) | Q(lease_until__lte=now),
        status=Status.IN_DOUBT,
    )


def claim(change_id: int) -> Change | None:
    """Take a change that is ready for delivery (B2): own durable transaction; None for whoever loses, or must wait."""
    with suppress(_LaneTaken), transaction.atomic(durable=True):
        now = db_now()
        try:
            won = (
                ready(now)
                .filter(pk=change_id)
                .update(status=Status.SENDING, fence=F("fence") + 1, updated_at=now, lease_until=now + lease())
            )
        except IntegrityError:  # the lane index
            raise _LaneTaken from None
        if not _admitted(won, now):
            return None
        change = Change.objects.get(pk=change_id)
        ledger.record(
            "delivery.started",
            change=change.pk,
            secret=change.secret,
            data={"fence": change.fence, "revision": change.revision},
        )
        return change
    return None


def claim_doubt(change_id: int) -> Change | None:
    """Take a change in doubt for a read-back; None for whoever loses. Own durable transaction."""
    with transaction.atomic(durable=True):
        now = db_now()
        won = in_doubt(now).filter(pk=change_id).update(fence=F("fence") + 1, lease_until=now + lease())
        return Change.objects.get(pk=change_id) if _admitted(won, now) else None


def _admitted(won: int, now: datetime) -> bool:
    """Whether the claim was won, and stands: while delivery is paused all but one are taken back."""
    if won and breaker.admits(now):
        return True
    transaction.set_rollback(True)
    return False


def lease() -> timedelta:
    """How long a worker may be busy with a change before another one takes over."""
    return timedelta(seconds=settings.DELIVERY_LEASE_S)
