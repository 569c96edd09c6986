"""Updates for an open page of the queue: new changes, and shown changes that other users have decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from portal.changes.models import Change, ChangeQuerySet, Status, Verdict
from portal.changes.presenters import change_rows

_LIMIT = 100
_SLACK = timedelta(seconds=30)
"""Margin before the page's time: a change may be committed after it was dated, or dated by another host's clock."""


@dataclass(frozen=True)
class DecidedElsewhere:
    """A shown change that is no longer pending, with a sentence that names who decided it."""

    change: Change
    sentence: str


@dataclass(frozen=True)
class QueueUpdates:
    """A page rendered at `seen_at` that shows these changes and has announced `told` new ones."""

    seen_at: datetime
    shown: list[int]
    told: int = 0
    decided: list[DecidedElsewhere] = field(default_factory=list)

    @property
    def listed(self) -> str:
        """Ids of the shown changes, in the format that the page sends back."""
        return ".".join(map(str, self.shown))

    @property
    def more(self) -> bool:
        """Whether there may be more new changes than were counted."""
        return self.told >= _LIMIT

    def after(self, waiting: ChangeQuerySet) -> QueueUpdates:
        """Return the updates as of now. `waiting`: the changes that wait for the reader."""
        fresh = waiting.filter(updated_at__gt=self.seen_at - _SLACK).exclude(pk__in=self.shown)
        moved = Change.objects.filter(pk__in=self.shown).exclude(status=Status.PENDING).select_related("requester")
        decided = [DecidedElsewhere(change, _who(change)) for change in change_rows.attach_votes(moved)]
        left = set(self.shown) - {each.change.pk for each in decided}
        return QueueUpdates(self.seen_at, sorted(left), fresh[:_LIMIT].count(), decided)


def _who(change: Change) -> str:
    votes = change.current_votes  # type: ignore[attr-defined]
    if change.status == Status.WITHDRAWN:
        return _("Withdrawn by %(name)s.") % {"name": change.requester.display_name}
    if change.status == Status.EXPIRED or not votes:
        return _("No longer pending. Status: %(status)s.") % {"status": change.get_status_display()}
    name = {"name": votes[-1].voter.display_name}
    if votes[-1].verdict == Verdict.REJECT:
        return _("Already rejected by %(name)s.") % name
    return _("Already approved by %(name)s.") % name
