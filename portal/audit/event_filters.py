"""Search criteria for events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class EventFilters:
    """Search criteria for events. An empty field does not narrow the search; `since` is included, `until` is not.

    `people` and `secrets` match any of several; `hide_views` leaves out actions.VIEWS.
    """

    person: str = ""
    secret: int | None = None
    change: int | None = None
    kind: str = ""
    code: str = ""
    since: datetime | None = None
    until: datetime | None = None
    only: str = ""
    people: tuple[str, ...] = ()
    secrets: tuple[int, ...] | None = None
    hide_views: bool = False


ONLY = {
    "unapproved": _("Calls without another person's approval"),
    "doubted": _("First calls of changes whose outcome became unknown"),
    "voted": _("Proposals that were voted on"),
    "open_doubt": _("Changes whose outcome is unknown now"),
    "high_risk": _("Approvals of high-risk changes"),
    "self_approval": _("Attempts to approve one's own change"),
    "unverified": _("Changes applied without being read back"),
    "outside_edit": _("Changes stopped by an edit outside Countersign"),
}
"""Searches that compare several events of one change, or read the text of one.

"unapproved" finds the calls before which no user other than the proposer had approved the change since it was last
submitted or revised. "doubted" finds, for each change that was sent and later became in doubt, both within the time
range, the first call in that range: one event for each change. "voted" finds submissions of changes with a vote.
"open_doubt" finds the last event by which the outcome of a change became unknown, if nothing has settled it since.
The others are IN_TEXT.
"""

IN_TEXT = {
    "high_risk": Q(action="change.approved", text__contains='"risk":"high"'),
    "self_approval": Q(action="vote.refused", text__contains='"rule":"OwnChange"')
    & Q(text__contains='"verdict":"approve"'),
    "unverified": Q(action="change.applied") & ~Q(text__contains='"cause":"read_back"'),
    "outside_edit": Q(action="change.stale", text__contains='"cause":"base_moved"'),
}
"""Searches of ONLY for a code in the text of an event, as the ledger writes it.

The text is not parsed: a forged one must not break a page. No value that a user types can match, because its quotation
marks are escaped.
"""
