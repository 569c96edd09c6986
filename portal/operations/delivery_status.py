"""Status of the delivery: what runs, what waits, and what needs an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, Subquery
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.models import Change, Status
from portal.changes.presenters import change_rows
from portal.changes.presenters.change_rows import ChangeRow
from portal.changes.rules import guards
from portal.operations import heartbeats
from portal.operations.heartbeats import BrokerStatus

SHOWN = 50
_UNSETTLED = (Status.NEEDS_ATTENTION, Status.IN_DOUBT)


@dataclass(frozen=True)
class StuckChange:
    """Change that needs an administrator; `may_settle`: whether the reader may act on it, as it is not their own."""

    row: ChangeRow
    may_settle: bool


@dataclass(frozen=True)
class DeliveryStatus:
    """Status of the delivery at the time `at`.

    `stuck` changes need an administrator, `doubtful` are resolved by the worker, `failed` can be retried. Each
    list has the first SHOWN changes; `more_stuck`, `more_doubtful` and `more_failed`: whether there are more.
    `pending` and `approved` have waited longest, for a decision and for a worker. `operators`: groups that may act.
    """

    pulse: BrokerStatus
    stuck: list[StuckChange]
    more_stuck: bool
    doubtful: list[ChangeRow]
    more_doubtful: bool
    failed: list[ChangeRow]
    more_failed: bool
    pending: Change | None
    approved: Change | None
    operators: str
    at: datetime


def get_delivery_status(reader: User) -> DeliveryStatus:
    """Return the current status."""
    stuck, doubtful = _unsettled(reader)
    failed = list_retriable()
    rows, doubtful_rows, failed_rows = change_rows.build_row_lists(
        stuck[:SHOWN], doubtful[:SHOWN], failed[:SHOWN], reader=reader
    )
    longest = _longest()
    return DeliveryStatus(
        heartbeats.read_broker_status(),
        [StuckChange(row, may_settle=not row.change.own) for row in rows],  # type: ignore[attr-defined]
        len(stuck) > SHOWN,
        doubtful_rows,
        len(doubtful) > SHOWN,
        failed_rows,
        len(failed) > SHOWN,
        longest.get(Status.PENDING),
        longest.get(Status.APPROVED),
        roles.group_names_with_right(Right.OPERATE),
        timezone.now(),
    )


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


def list_retriable() -> list[Change]:
    """Return the newest failed changes within the time of a retry: SHOWN, and one more if there is one."""
    since = timezone.now() - timedelta(days=settings.CHANGE_APPROVED_DAYS)
    failed = Change.objects.filter(status=Status.FAILED, closed_at__gt=since)
    return list(change_rows.with_row_data(failed).order_by("-closed_at")[: SHOWN + 1])


def _longest() -> dict[str, Change]:
    """Return, by status, the change that has waited longest for a decision and the one that has for a worker."""
    pending = Change.objects.filter(status=Status.PENDING).order_by("pk").values("pk")[:1]
    approved = Change.objects.filter(status=Status.APPROVED).order_by("queued_at", "pk").values("pk")[:1]
    both = Change.objects.filter(Q(pk=Subquery(pending)) | Q(pk=Subquery(approved)))
    return {change.status: change for change in both}
