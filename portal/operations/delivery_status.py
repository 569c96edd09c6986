"""How delivery stands: what runs, what waits, and what needs a person."""

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
_UNSETTLED = (Status.NEEDS_HUMAN, Status.IN_DOUBT)


@dataclass(frozen=True)
class StuckChange:
    """A change that needs a person; `may_settle`: whether the reader may act on it, as it is not their own."""

    row: ChangeRow
    may_settle: bool


@dataclass(frozen=True)
class DeliveryStatus:
    """`stuck` need a person, `doubtful` go on by themselves, `failed` can be retried: of each the first SHOWN.

    `more_stuck` and so on: whether there are more.
    `pending` and `approved` have waited longest for a decision and for a worker. `operators`: who could act.
    All of it as of `at`.
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
    """As it is now."""
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
    """The oldest that need a person and the oldest in doubt: of each SHOWN, and one more where there is one.

    Each tells by `own` whether it is the reader's. One walk through the index of statuses, from its end; another where
    those that need a person fill the first.
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
    failed = Change.objects.filter(status=Status.FAILED, ended_at__gt=since)
    return list(change_rows.with_row_data(failed).order_by("-ended_at")[: SHOWN + 1])


def _longest() -> dict[str, Change]:
    """By status the change that has waited longest in it, for a decision and for a worker."""
    pending = Change.objects.filter(status=Status.PENDING).order_by("pk").values("pk")[:1]
    approved = Change.objects.filter(status=Status.APPROVED).order_by("queued_at", "pk").values("pk")[:1]
    both = Change.objects.filter(Q(pk=Subquery(pending)) | Q(pk=Subquery(approved)))
    return {change.status: change for change in both}
