"""How delivery stands: what runs, what waits, and what needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, Subquery
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.models import Change, Status
from portal.changes.reading import listing
from portal.changes.reading.listing import Row
from portal.operations import pulse
from portal.operations.pulse import Pulse

SHOWN = 50


@dataclass(frozen=True)
class Standing:
    """`stuck` need a person, `doubtful` go on by themselves; of both together the first SHOWN, `more` where there are.

    `pending` and `approved` have waited longest for a decision and for a worker. `operators`: who could act.
    All of it as of `at`.
    """

    pulse: Pulse
    stuck: list[Row]
    doubtful: list[Row]
    more: bool
    pending: Change | None
    approved: Change | None
    operators: str
    at: datetime


def standing(reader: User) -> Standing:
    """As it is now."""
    open_ends = Change.objects.filter(status__in=(Status.NEEDS_HUMAN, Status.IN_DOUBT))
    # «needs_human» comes before «in_doubt» from the end of the alphabet; the oldest of each first.
    rows = listing.rows(listing.listed(open_ends).order_by("-status", "pk")[: SHOWN + 1], reader=reader)
    shown = rows[:SHOWN]
    longest = _longest()
    return Standing(
        pulse.read(),
        [row for row in shown if row.change.status == Status.NEEDS_HUMAN],
        [row for row in shown if row.change.status == Status.IN_DOUBT],
        len(rows) > SHOWN,
        longest.get(Status.PENDING),
        longest.get(Status.APPROVED),
        roles.groups_with(Right.OPERATE),
        timezone.now(),
    )


def _longest() -> dict[str, Change]:
    """By status the change that has waited longest in it, for a decision and for a worker."""
    pending = Change.objects.filter(status=Status.PENDING).order_by("pk").values("pk")[:1]
    approved = Change.objects.filter(status=Status.APPROVED).order_by("approved_at", "pk").values("pk")[:1]
    both = Change.objects.filter(Q(pk=Subquery(pending)) | Q(pk=Subquery(approved)))
    return {change.status: change for change in both}
