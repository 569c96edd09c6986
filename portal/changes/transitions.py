"""The one writer of a change's status, with its event. ALLOWED is the picture of the states as data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import (
    BooleanField,
    Case,
    DurationField,
    Exists,
    F,
    JSONField,
    OuterRef,
    Q,
    Subquery,
    When,
)
from django.db.models.functions import Now

from portal import correlation
from portal.audit import ledger
from portal.changes import breaker
from portal.changes.existence import exists_by_index
from portal.changes.models import LANE, Change, ChangeQuerySet, Revision, Status
from portal.prepared import Given, Prepared

ALLOWED: dict[Status, tuple[Status, ...]] = {
    Status.PENDING: (Status.PENDING, Status.APPROVED, Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED),
    Status.APPROVED: (Status.APPROVED, Status.SENDING, Status.EXPIRED, Status.PENDING),
    Status.SENDING: (
        Status.PENDING,
        Status.EXPIRED,
        Status.APPLIED,
        Status.FAILED,
        Status.STALE,
        Status.APPROVED,
        Status.IN_DOUBT,
        Status.NEEDS_HUMAN,
    ),
    Status.IN_DOUBT: (Status.IN_DOUBT, Status.APPLIED, Status.FAILED, Status.APPROVED, Status.NEEDS_HUMAN),
    Status.NEEDS_HUMAN: (Status.IN_DOUBT, Status.APPLIED, Status.FAILED),
    Status.FAILED: (Status.APPROVED,),
    Status.STALE: (Status.PENDING, Status.WITHDRAWN, Status.EXPIRED),
    Status.APPLIED: (),
    Status.REJECTED: (),
    Status.WITHDRAWN: (),
    Status.EXPIRED: (),
}
CLOSED = (Status.APPLIED, Status.FAILED, Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED)
"""The sealed value is erased on the way in."""
_SEEN = ("id", "status", "revision", "fence")


class WrongState(Exception):
    """The change is not, or no longer, in a state that allows this."""

    code = "WrongState"

    def __init__(self, change: Change) -> None:
        super().__init__(f"{change.number} is {change.status}")
        self.change = change


class _LaneTaken(Exception):
    """Another change of this secret was claimed in the same moment."""


def db_now() -> datetime:
    """The database's clock, the only one that leases and deadlines know."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def lock_change(change_id: int) -> Change:
    """The change, held until the transaction ends. Raises Change.DoesNotExist."""
    held = _HELD.one(id=change_id)
    if held is None:
        raise Change.DoesNotExist
    return held


def move_change(
    change: Change,
    to: Status,
    action: str,
    *,
    by: str = "",
    code: int | None = None,
    data: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Move the change and write its event, in the caller's transaction.

    Compare-and-swap on status, revision and fence as they stand in `change`: raises WrongState where they moved
    meanwhile or where ALLOWED has no such arrow. `columns` are set along; the instance is brought up to date.
    """
    if to not in ALLOWED[Status(change.status)]:
        raise WrongState(change)
    columns |= {"status": to}
    if to not in (Status.SENDING, Status.IN_DOUBT):
        columns["lease_until"] = None
    if "cause" in columns:
        columns.setdefault("cause_details", {})
    if to is Status.APPROVED and by:
        columns["request"] = (
            correlation.current_request_id()
        )  # the delivery goes on under it, whoever reminds the worker
    seen = {f"seen_{name}": getattr(change, name) for name in _SEEN}
    moved = _moved(to in CLOSED, to != change.status, *columns).one(**seen, **columns)
    if moved is None:
        raise WrongState(change)
    if to in CLOSED and moved.keeps:  # type: ignore[attr-defined]
        change.erase_sealed()
    came_from = change.status
    columns |= {name: getattr(moved, name) for name in ("updated_at", "status_since", "ended_at")}
    for name, value in columns.items():
        setattr(change, name, value)
    ledger.record_event(
        action,
        by=by,
        change=change.pk,
        secret=change.secret,
        code=code,
        data={"from": came_from, "to": str(to), "revision": change.revision, **(data or {})},
    )


@cache
def _moved(ends: bool, turns: bool, *names: str) -> Prepared[Change]:
    """The move of a change, as it was seen, that sets these columns; `turns`: to another status."""
    seen = {name: Given(f"seen_{name}") for name in _SEEN}
    kinds = {"cause_details": JSONField()}
    instants = ("updated_at", *(("status_since",) if turns else ()), *(("ended_at",) if ends else ()))
    columns = {name: Given(name, kinds.get(name)) for name in names} | dict.fromkeys(instants, Now())
    keeps = Exists(Revision.objects.filter(change=OuterRef("pk"), sealed_secret__isnull=False))
    answer = ("id", "updated_at", "status_since", "ended_at")
    return Prepared(lambda: Change.objects.filter(**seen), columns, answer=answer, asking={"keeps": keeps})


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
    if breaker.may_call():
        return True
    transaction.set_rollback(True)
    return False


def lease_duration() -> timedelta:
    """How long a worker may be busy with a change before another one takes over."""
    return timedelta(seconds=settings.DELIVERY_LEASE_S)


_HELD = Prepared(lambda: Change.objects.select_for_update().filter(pk=Given("id")))
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
