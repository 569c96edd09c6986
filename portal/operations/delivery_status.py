"""Status of the delivery: what runs, what waits, and what needs an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Q, Subquery
from django.utils import timezone

from portal.accounts.models import User
from portal.changes.models import Change, Status
from portal.changes.presenters import change_rows
from portal.changes.presenters.change_rows import ChangeRow
from portal.changes.rules import guards
from portal.common.db_expressions import is_among
from portal.operations import heartbeats, role_coverage
from portal.operations.heartbeats import BrokerStatus

SHOWN = 50
_WAITING = (Status.APPROVED, Status.FAILED, Status.PENDING)
_UNSETTLED = (Status.NEEDS_ATTENTION, Status.IN_DOUBT)


class ActionReason(StrEnum):
    """Reason why a change needs action. The order is that of the table."""

    NEEDS_ATTENTION = "needs_attention"
    UNKNOWN = "unknown"
    UNSENT = "unsent"
    FAILED = "failed"
    UNAPPROVABLE = "unapprovable"


@dataclass(frozen=True)
class ActionRow:
    """Change that needs action, and since when; `may_act`: whether the reader may, as it is not their own change."""

    row: ChangeRow
    reason: ActionReason
    since: datetime | None
    may_act: bool


@dataclass(frozen=True)
class DeliveryStatus:
    """Status of the delivery at the time `at`.

    `needs_action`: the first SHOWN changes for each reason; `more`: the statuses that have more. `checking`: number of
    changes in doubt that the worker still resolves by itself, counted up to SHOWN. `pending` and `approved` have waited
    longest, for a decision and for a worker.
    """

    pulse: BrokerStatus
    needs_action: list[ActionRow]
    more: list[Status]
    checking: int
    pending: Change | None
    approved: Change | None
    at: datetime


def get_delivery_status(reader: User) -> DeliveryStatus:
    """Return the current status."""
    now = timezone.now()
    stuck, doubtful = _unsettled(reader)
    unknown = [
        change for change in doubtful if _is_before(change.in_doubt_since, now, settings.OPERATIONS_UNKNOWN_AFTER_S)
    ]
    found = {
        ActionReason.NEEDS_ATTENTION: stuck,
        ActionReason.UNKNOWN: unknown,
        **_list_waiting(now),
    }
    rows = change_rows.build_row_lists(*(changes[:SHOWN] for changes in found.values()), reader=reader)
    longest = _longest()
    return DeliveryStatus(
        heartbeats.read_broker_status(),
        [_action_row(row, reason) for reason, part in zip(found, rows, strict=True) for row in part],
        [Status(changes[0].status) for changes in found.values() if len(changes) > SHOWN],
        len(doubtful) - len(unknown),
        longest.get(Status.PENDING),
        longest.get(Status.APPROVED),
        now,
    )


def _action_row(row: ChangeRow, reason: ActionReason) -> ActionRow:
    change = row.change
    since = {
        ActionReason.UNKNOWN: change.in_doubt_since,
        ActionReason.UNSENT: change.queued_at,
        ActionReason.FAILED: change.closed_at,
        ActionReason.UNAPPROVABLE: change.created_at,
    }.get(reason, change.status_since)
    return ActionRow(row, reason, since, may_act=not getattr(change, "own", False))


def _is_before(instant: datetime | None, now: datetime, seconds: float) -> bool:
    return instant is not None and instant < now - timedelta(seconds=seconds)


def _list_waiting(now: datetime) -> dict[ActionReason, list[Change]]:
    """Return the changes that wait for a user or a worker, in one query: for each reason SHOWN, and one more.

    Approved ones that were not sent in time, the newest failed ones within the time of a retry, and pending ones that
    too few users may approve.
    """
    late = now - timedelta(seconds=settings.OPERATIONS_UNSENT_AFTER_S)
    since = now - timedelta(days=settings.CHANGE_APPROVED_DAYS)
    changes = Change.objects
    unsent = changes.filter(status=Status.APPROVED, queued_at__lt=late).order_by("queued_at", "pk")
    failed = changes.filter(status=Status.FAILED, closed_at__gt=since).order_by("-closed_at")
    unapprovable = changes.filter(pk__in=role_coverage.list_unapprovable_changes()).order_by("pk")
    limited = (each.values("pk")[: SHOWN + 1] for each in (unsent, failed, unapprovable))
    anyone = reduce(or_, (is_among(each) for each in limited))
    found = list(change_rows.with_row_data(changes.filter(anyone)).order_by("pk"))
    by_status = {status: [each for each in found if each.status == status] for status in _WAITING}
    return {
        ActionReason.UNSENT: sorted(by_status[Status.APPROVED], key=lambda each: each.queued_at or now),
        ActionReason.FAILED: sorted(by_status[Status.FAILED], key=lambda each: each.closed_at or now, reverse=True),
        ActionReason.UNAPPROVABLE: by_status[Status.PENDING],
    }


def _unsettled(reader: User) -> tuple[list[Change], list[Change]]:
    """Return the oldest changes that need an administrator and the oldest in doubt: of each SHOWN + 1, if there are.

    `own` on each is true for the reader's own change. One scan of the status index from its end; a second one if the
    changes that need an administrator fill the first.
    """
    unsettled = change_rows.with_row_data(Change.objects.filter(status__in=_UNSETTLED))
    open_ends = unsettled.annotate(own=guards.own_changes_filter(reader))
    found = list(open_ends.order_by("-status", "pk")[: 2 * SHOWN + 2])
    stuck, doubtful = ([each for each in found if each.status == status] for status in _UNSETTLED)
    if len(stuck) > SHOWN + 1 and len(found) > 2 * SHOWN + 1:
        doubtful = list(open_ends.filter(status=Status.IN_DOUBT).order_by("pk")[: SHOWN + 1])
    return stuck, doubtful


def _longest() -> dict[str, Change]:
    """Return, by status, the change that has waited longest for a decision and the one that has for a worker."""
    pending = Change.objects.filter(status=Status.PENDING).order_by("pk").values("pk")[:1]
    approved = Change.objects.filter(status=Status.APPROVED).order_by("queued_at", "pk").values("pk")[:1]
    both = Change.objects.filter(Q(pk=Subquery(pending)) | Q(pk=Subquery(approved)))
    return {change.status: change for change in both}
