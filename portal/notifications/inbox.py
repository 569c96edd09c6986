"""Notifications as texts, their number, and the mark that they were read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.audit import findings
from portal.audit.models import Event
from portal.changes.models import Change, Revision, StatusCause
from portal.changes.presenters.next_steps import instant_text
from portal.common.db_expressions import CountSubquery
from portal.common.invisible_characters import replace_invisible
from portal.governance.models import GovernanceProposal
from portal.notifications.models import Notification

COUNT_LIMIT = 100
"""Limit above which pages show "100+", so that counting stays cheap."""
_NAME_LENGTH = 120
_PAUSED, _APPLIED = "paused", "applied"
_TO_DECIDE = ("waiting", "again", "voided")


@dataclass(frozen=True)
class InboxEntry:
    """Notification as text. `secret` is the secret's name on one line, with invisible characters escaped.

    `reason`: why delivery is paused, as the portal recorded it; '' for any other type. `read_at`: when the old values
    of a change to be decided were read from Segura; None if unknown.
    """

    notice: Notification
    secret: str
    reason: str = ""
    read_at: datetime | None = None

    @property
    def title(self) -> str:
        return _("Your change was applied in part") if self.in_part else str(self.notice.about.title)

    @property
    def in_part(self) -> bool:
        """Whether the notification is about a change that Segura applied only in part."""
        change = self.notice.change
        return self.notice.kind == _APPLIED and change is not None and change.cause == StatusCause.APPLIED_EXCEPT

    @property
    def reference(self) -> str:
        """Reference of the change or of the proposal; '' if the notification concerns neither."""
        subject = self.notice.change or self.notice.proposal
        return subject.reference if subject else ""

    @property
    def person(self) -> str:
        """Name of the person whom a proposal is about, on one line; '' for anything else."""
        subject = self.notice.proposal.subject if self.notice.proposal else None
        return to_single_line(subject.display_name) if subject else ""

    @property
    def said(self) -> str:
        """Text of the notification, one or two sentences."""
        by = self.notice.by or "Countersign"
        in_part = _("%(number)s for the secret %(secret)s was applied, except for what its page names.")
        sentence = (in_part if self.in_part else str(self.notice.about.said)) % {
            "number": self.reference,
            "secret": self.secret,
            "person": self.person,
            "by": by,
        }
        if self.reason:
            reason = _("Reason: %(reason)s.") % {"reason": findings.error_text(self.reason)}
            return f"{sentence} {reason}"
        if self.read_at:
            read = _("The old values were read from Segura at %(at)s.") % {"at": instant_text(self.read_at)}
            return f"{sentence} {read}"
        if self.notice.count == 1:
            return sentence
        newest = _("This is the newest of %(count)d that you have not read.") % {"count": self.notice.count}
        return f"{sentence} {newest}"


def build_entries(notices: Iterable[Notification]) -> list[InboxEntry]:
    """Return the entries for notifications whose changes are already loaded."""
    notices = list(notices)
    reasons, read_at = _reasons(notices), _read_at(notices)
    return [
        InboxEntry(
            notice,
            to_single_line(notice.change.secret_name) if notice.change else "",
            reasons.get(notice.event, ""),
            read_at.get(notice.change_id) if notice.kind in _TO_DECIDE else None,
        )
        for notice in notices
    ]


def _read_at(notices: Iterable[Notification]) -> dict[int | None, datetime | None]:
    """Return, by change to be decided, when the base of its current revision was read."""
    changes = [notice.change_id for notice in notices if notice.kind in _TO_DECIDE]
    current = Revision.objects.filter(change__in=changes, number=F("change__revision")) if changes else None
    return dict(current.values_list("change", "base_read_at")) if current is not None else {}


def _reasons(notices: Iterable[Notification]) -> dict[int, str]:
    """Return, by event, the recorded reason why delivery is paused; events past their retention are missing."""
    pauses = [notice.event for notice in notices if notice.kind == _PAUSED]
    events = Event.objects.filter(pk__in=pauses, action="delivery.paused") if pauses else []
    return {event.pk: str(event.entry.data.get("reason", "")) for event in events if event.entry}


def to_single_line(name: str) -> str:
    """Return a name from outside on one line, fit for a text or the subject of a mail."""
    shown = replace_invisible(name.replace("\n", " "), lambda char: f"⟨U+{ord(char):04X}⟩")
    return shown if len(shown) <= _NAME_LENGTH else f"{shown[: _NAME_LENGTH - 1]}…"


def count_unread(person: User) -> str:
    """Return the number of the user's unread notifications as text; '' for none."""
    (unread,) = _counted(person)
    return unread


def count_queue_and_unread(person: User) -> tuple[str, str]:
    """Return the number of changes that wait for the user's decision, and of unread notifications, with one query."""
    unread, waiting = _counted(person, queue=True)
    return waiting, unread


def count_for_administrator(person: User, *, queue: bool) -> tuple[str, str, str]:
    """Return the numbers of unread notifications, of waiting proposals and, with `queue`, of waiting changes.

    One query for all, as for other users: the pages of administrators have none to spare.
    """
    unread, proposals, waiting = [*_counted(person, queue=queue, proposals=True), ""][:3]
    return unread, proposals, waiting


def _counted(person: User, *, queue: bool = False, proposals: bool = False) -> list[str]:
    # One for each change, as the page of notifications shows them.
    lists: list[QuerySet[Any]] = [Notification.objects.inbox(person).newest_per_change(Q(read_at=None))]
    if proposals:
        lists.append(GovernanceProposal.objects.awaiting_decision_by(person))
    if queue:
        lists.append(Change.objects.awaiting_decision_by(person))
    counts = [CountSubquery(found.values("pk")[: COUNT_LIMIT + 1]) for found in lists]
    return [_said(count) for count in User.objects.values_list(*counts).get(pk=person.pk)]


def _said(count: int) -> str:
    return f"{COUNT_LIMIT}+" if count > COUNT_LIMIT else str(count or "")


def mark_read(person: User, notice_id: int) -> int:
    """Mark a notification of the user and the earlier ones of its change as read; return how many."""
    change = Notification.objects.filter(pk=notice_id, recipient=person).values("change")
    unread = Notification.objects.filter(recipient=person, read_at=None)
    return unread.filter(Q(pk=notice_id) | Q(change__in=change, pk__lt=notice_id)).update(read_at=timezone.now())


def mark_all_read(person: User, up_to: int) -> datetime | None:
    """Mark the user's notifications up to this one as read; return the time they bear now, None if there were none.

    Those that came after the user's page was rendered stay unread.
    """
    now = timezone.now()
    unread = Notification.objects.filter(recipient=person, read_at=None, pk__lte=up_to)
    return now if unread.update(read_at=now) else None


def restore_unread(person: User, marked: dict[str, Any]) -> bool:
    """Mark the notifications that were marked as read at `read_at` as unread; False if there are none any more."""
    read = Notification.objects.filter(recipient=person, read_at=datetime.fromisoformat(marked["read_at"]))
    return read.update(read_at=None) > 0


def mark_proposal_read(person: User, proposal_id: int) -> int:
    """Mark all notifications of the user about this proposal as read; return how many."""
    unread = Notification.objects.filter(recipient=person, proposal=proposal_id, shown=True, read_at=None)
    return unread.update(read_at=timezone.now())


def mark_change_read(person: User, change_id: int) -> int:
    """Mark all notifications of the user about this change as read; return how many."""
    unread = Notification.objects.filter(recipient=person, change=change_id, shown=True, read_at=None)
    return unread.update(read_at=timezone.now())
