"""A requester's own changes in three groups: those that need the requester, those in progress, those closed."""

from __future__ import annotations

from dataclasses import dataclass

from portal.accounts.models import User
from portal.changes.approvals import valid_votes
from portal.changes.models import Change
from portal.changes.models.change import requester_acts_filter
from portal.changes.models.draft import Draft
from portal.changes.presenters import change_rows
from portal.changes.presenters.change_rows import ChangeRow
from portal.common.db_expressions import CountSubquery

NEEDS_SHOWN, OPEN_SHOWN, CLOSED_SHOWN, DRAFTS_SHOWN = 30, 12, 6, 20


@dataclass(frozen=True)
class OwnChanges:
    """The rows of the start page; `more`: whether "My changes" has further ones."""

    needs_you: list[ChangeRow]
    drafts: list[Draft]
    in_progress: list[ChangeRow]
    closed: list[ChangeRow]
    more: bool

    @property
    def waiting(self) -> int:
        """Number of rows that need the requester."""
        return len(self.needs_you) + len(self.drafts)


def load_own_changes(requester: User) -> OwnChanges:
    """Load the rows of a requester's start page."""
    own = change_rows.with_row_data(Change.objects.proposed_by(requester))
    deciders = valid_votes.list_deciders()
    waiting = requester_acts_filter(requester)
    rest = own.exclude(waiting)
    needs_you, in_progress, closed = change_rows.build_row_lists(
        own.filter(waiting).order_by("-updated_at")[: NEEDS_SHOWN + 1],
        rest.open().order_by("-id")[: OPEN_SHOWN + 1],
        rest.ended().order_by("-closed_at")[: CLOSED_SHOWN + 1],
        reader=requester,
        deciders=deciders,
    )
    return OwnChanges(
        needs_you[:NEEDS_SHOWN],
        list(Draft.objects.of(requester).order_by("-updated_at")[:DRAFTS_SHOWN]),
        in_progress[:OPEN_SHOWN],
        closed[:CLOSED_SHOWN],
        more=len(needs_you) > NEEDS_SHOWN or len(in_progress) > OPEN_SHOWN or len(closed) > CLOSED_SHOWN,
    )


def count_needing_requester(requester: User) -> int:
    """Return the number of changes and drafts that wait for this requester, as on the start page; in one query."""
    changes = Change.objects.proposed_by(requester).filter(requester_acts_filter(requester))
    counted = User.objects.filter(pk=requester.pk).values_list(
        CountSubquery(changes.values("pk")[:NEEDS_SHOWN]),
        CountSubquery(Draft.objects.of(requester).values("pk")[:DRAFTS_SHOWN]),
    )
    return sum(counted.get())
