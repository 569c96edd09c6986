"""What a page of the queue does not know yet: changes that came since, and shown ones that others have decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from portal.changes.models import Change, ChangeQuerySet, Status, Verdict
from portal.changes.presenters import change_rows

_LIMIT = 100
_SLACK = timedelta(seconds=30)
"""What was submitted so long before the page was made may be new to it: committed later, or dated by another clock."""


@dataclass(frozen=True)
class DecidedElsewhere:
    """A shown change that waits no more, and who was faster."""

    change: Change
    sentence: str


@dataclass(frozen=True)
class QueueUpdates:
    """A page made at `seen_at` that shows these changes and has said that `told` others are new."""

    seen_at: datetime
    shown: list[int]
    told: int = 0
    decided: list[DecidedElsewhere] = field(default_factory=list)

    @property
    def listed(self) -> str:
        """What is shown, as the page hands it back."""
        return ".".join(map(str, self.shown))

    @property
    def more(self) -> bool:
        """Whether there are more new ones than were counted."""
        return self.told >= _LIMIT

    def after(self, waiting: ChangeQuerySet) -> QueueUpdates:
        """What holds now, by what waits for the reader."""
        fresh = waiting.filter(updated_at__gt=self.seen_at - _SLACK).exclude(pk__in=self.shown)
        moved = Change.objects.filter(pk__in=self.shown).exclude(status=Status.PENDING).select_related("requester")
        decided = [DecidedElsewhere(change, _who(change)) for change in change_rows.attach_votes(moved)]
        left = set(self.shown) - {each.change.pk for each in decided}
        return QueueUpdates(self.seen_at, sorted(left), fresh[:_LIMIT].count(), decided)


def _who(change: Change) -> str:
    votes = change.current_votes  # type: ignore[attr-defined]
    if change.status == Status.WITHDRAWN:
        return _("%(name)s withdrew it.") % {"name": change.requester.display_name}
    if change.status == Status.EXPIRED or not votes:
        return _("It no longer waits. Its status now: %(status)s.") % {"status": change.get_status_display()}
    name = {"name": votes[-1].voter.display_name}
    if votes[-1].verdict == Verdict.REJECT:
        return _("%(name)s was faster and rejected it.") % name
    return _("%(name)s was faster and approved it.") % name
