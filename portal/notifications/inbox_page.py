"""The page of notifications: one entry per change with its newest state, the earlier states folded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.models import Change, Revision, Status, Verdict, Vote
from portal.changes.models.change import requester_acts_filter
from portal.changes.presenters import change_titles
from portal.changes.presenters.change_titles import ChangeTitle
from portal.governance.models import GovernanceProposal
from portal.notifications.inbox import InboxEntry, build_entries
from portal.notifications.models import Notification, NotificationQuerySet
from portal.notifications.state_texts import APPLIED_APPROVED, APPLIED_IN_PART, APPLIED_IN_PART_APPROVED, STATE_TEXTS
from portal.web import keyset

UNREAD, MENTIONS, NEEDS_YOU = "unread", "mentions", "needs_you"
FILTERS = {"": _("All"), UNREAD: _("Unread"), MENTIONS: _("Mentions"), NEEDS_YOU: _("Needs you")}
_SIZE, _EARLIER_SHOWN = 25, 10


@dataclass(frozen=True)
class StateEntry:
    """Notification as the state of its change in a few words. `approvers`: their names, '' if none is known."""

    entry: InboxEntry
    approvers: str = ""

    @property
    def text(self) -> str:
        """Return the state; of a notification that concerns no change its whole text."""
        notice = self.entry.notice
        if notice.kind not in STATE_TEXTS:
            return self.entry.said
        if notice.kind == "applied" and self.approvers:
            approved = APPLIED_IN_PART_APPROVED if self.entry.in_part else APPLIED_APPROVED
            return str(approved) % {"people": self.approvers}
        if self.entry.in_part:
            return str(APPLIED_IN_PART)
        return str(STATE_TEXTS[notice.kind]) % {"by": notice.by or "Countersign"}


@dataclass(frozen=True)
class ChangeEntry:
    """Entry of the page: the newest notification of a change, and the earlier ones."""

    newest: StateEntry
    earlier: list[StateEntry]
    unread: bool
    title: ChangeTitle | None = None

    @property
    def notice(self) -> Notification:
        return self.newest.entry.notice


@dataclass(frozen=True)
class InboxPage:
    """One page of entries. `newest`: id of the newest notification of the user, 0 if there is none."""

    entries: list[ChangeEntry]
    page: keyset.Page[Notification]
    newest: int


def load_inbox(person: User, only: str, cursor: str) -> InboxPage:
    """Load a page of the user's notifications, the newest first. `only`: one of FILTERS."""
    own = Notification.objects.inbox(person)
    found = _filter_inbox(own, person, only)
    page = keyset.paginate_by_keyset(found, order=("-id",), cursor=cursor, size=_SIZE)
    newest = own.order_by("-id").values_list("pk", flat=True).first() or 0
    return InboxPage(_build_change_entries(page.rows, own), page, newest)


def _filter_inbox(own: NotificationQuerySet, person: User, only: str) -> NotificationQuerySet:
    match only:
        case "unread":
            return own.newest_per_change(Q(read_at=None))
        case "mentions":
            return own.newest_per_change(Q(kind="mentioned"))
        case "needs_you":
            return own.newest_per_change().filter(_needs(person))
    return own.newest_per_change()


def _needs(person: User) -> Q:
    """Return the condition that the change or proposal waits for an act of this user now, whatever was notified."""
    mine = Change.objects.proposed_by(person).filter(requester_acts_filter(person))
    needed = Q(change__in=mine.values("pk")) | Q(change__in=Change.objects.awaiting_decision_by(person).values("pk"))
    if roles.has_right(person, Right.OPERATE):
        edited = Revision.objects.filter(editor=person).values("change")
        stuck = Change.objects.filter(status=Status.NEEDS_ATTENTION).exclude(requester=person).exclude(pk__in=edited)
        needed |= Q(change__in=stuck.values("pk"))
        needed |= Q(proposal__in=GovernanceProposal.objects.awaiting_decision_by(person).values("pk"))
    return needed


def _build_change_entries(heads: Iterable[Notification], own: NotificationQuerySet) -> list[ChangeEntry]:
    """Return the entries of these notifications, each with the earlier ones of its change."""
    heads = list(heads)
    changes = {head.change_id for head in heads if head.change_id is not None}
    rows = list(
        own.filter(Q(change__in=changes) | Q(pk__in=[head.pk for head in heads])).select_related(
            "change", "proposal__subject"
        )
    )
    titles, approvers = change_titles.load_titles(changes), _load_approvers(rows)
    states = {
        entry.notice.pk: StateEntry(entry, approvers.get(entry.notice.change_id or 0, ""))
        for entry in build_entries(sorted(rows, key=lambda row: -row.pk))
    }
    by_change: defaultdict[int | None, list[StateEntry]] = defaultdict(list)
    for state in states.values():
        by_change[state.entry.notice.change_id].append(state)
    return [
        ChangeEntry(
            states[head.pk],
            [state for state in by_change[head.change_id] if _is_earlier(state, head)][:_EARLIER_SHOWN],
            unread=any(state.entry.notice.read_at is None for state in by_change[head.change_id])
            if head.change_id
            else head.read_at is None,
            title=titles.get(head.change_id or 0),
        )
        for head in heads
    ]


def _is_earlier(state: StateEntry, head: Notification) -> bool:
    return head.change_id is not None and state.entry.notice.pk < head.pk


def _load_approvers(rows: Iterable[Notification]) -> dict[int, str]:
    """Return, by applied change, the names of those who approved its current revision."""
    applied = {row.change_id for row in rows if row.kind == "applied"}
    names: defaultdict[int, list[str]] = defaultdict(list)
    if applied:
        votes = Vote.objects.filter(change__in=applied, verdict=Verdict.APPROVE, voided_at=None)
        for vote in votes.filter(revision=F("change__revision")).select_related("voter").order_by("pk"):
            names[vote.change_id].append(vote.voter.display_name)
    return {change: ", ".join(people) for change, people in names.items()}
