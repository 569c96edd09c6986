"""Dispatch of events as notifications: each event once, to users who may know of it, as each user prefers."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import Right, users_with_right
from portal.audit.entry import Entry
from portal.audit.ledger import record_event
from portal.audit.models import Event
from portal.changes.models import SEE_ALL, Change, ChangeSubscription, Comment, Revision, Status, Vote
from portal.changes.presenters.next_steps import WAITING
from portal.governance.models import GovernanceProposal
from portal.notifications.models import Notification, PendingEvent, Preference
from portal.notifications.routes import ROUTES, EventFacts
from portal.notifications.routing import NOTIFICATION_TYPES, RIGHTS, Audience, MailTiming
from portal.notifications.subscriptions import NEEDS_RECIPIENT, WATCHED

SUMMARY = "summary"
"""Preference key of the summary of changes that wait for a decision; it has no event and is in the daily digest."""
_BATCH = 200
MAIL_ONLY = frozenset(name for name, kind in NOTIFICATION_TYPES.items() if kind.audience is Audience.DECIDERS)
"""Types that are mailed but not in the inbox: the queue lists and counts the changes that wait for a decision."""
CONVERSATION = ("mentioned", "commented")
"""Types of which one change may cause many; unread ones are merged into one notification that counts them."""
_BETWEEN_MAILS = timedelta(minutes=10)
_TRIES = 12
"""Number of attempts; with the waits below an event is given up after about three and a half hours."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=10), timedelta(hours=1)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EffectivePreference:
    """Preference of a user for one notification type, with the default filled in."""

    portal: bool
    mail: str


def dispatch_events() -> int:
    """Dispatch the due events and return how many of them matched a route.

    An event that cannot be dispatched is postponed, each time for longer, so that it does not take the place of others
    in the batch.
    """
    told = 0
    due = PendingEvent.objects.filter(next_at__lte=Now()).order_by("next_at", "event")
    for event in due.values_list("event", flat=True)[:_BATCH]:
        try:
            told += _tell(event)
        except (DatabaseError, ObjectDoesNotExist, LookupError, TypeError, ValueError) as error:
            _put_off(event, type(error).__name__)
    return told


@transaction.atomic
def _put_off(event: int, error: str) -> None:
    """Postpone an event; after _TRIES attempts give it up and record `notice.given_up`."""
    tries = PendingEvent.objects.filter(event=event).values_list("tries", flat=True).first()
    if tries is None:
        return
    as_seen = PendingEvent.objects.filter(event=event, tries=tries)
    if tries + 1 < _TRIES:
        as_seen.update(tries=tries + 1, next_at=Now() + min(_FIRST_WAIT * 2**tries, _LONGEST_WAIT))
        _log.warning("nobody could be told of event %d yet: %s", event, error)
    elif as_seen.delete()[0]:
        record_event("notice.given_up", data={"event": event, "error": error})
        _log.error("nobody was told of event %d, and it is not tried again: %s", event, error)


@transaction.atomic
def _tell(event_id: int) -> bool:
    """Notify users of one event, in the transaction that dequeues it; a concurrent worker finds nothing to dequeue."""
    if not PendingEvent.objects.filter(event=event_id).delete()[0]:
        return False
    event = Event.objects.get(pk=event_id)
    entry = event.entry
    rules = [rule for rule in ROUTES if rule.action == event.action]
    if entry is None or not rules:
        return False
    change = Change.objects.filter(pk=event.change).first() if event.change else None
    proposal = _find_proposal(entry)
    _settle(change)
    facts = EventFacts(entry.data, decided=_decided(event))
    actor = User.objects.filter(username=event.actor).first() if event.actor else None
    told = {actor.pk} if actor else set()
    for rule in rules:
        if not rule.applies(facts):
            continue
        audience = NOTIFICATION_TYPES[rule.kind].audience
        found = _of_proposal(audience, proposal) if proposal else _audience(audience, change, entry)
        people = list(found.exclude(pk__in=told))
        told |= {person.pk for person in people}
        notice = Notification(kind=rule.kind, change=change, proposal=proposal, event=event.pk, at=entry.at)
        notice.by = actor.display_name if actor else ""
        _write(notice, _without_muted(rule.kind, change, people))
        if change is not None and rule.kind in WATCHED:
            watchers = list(_watchers(change).exclude(pk__in=told))
            told |= {person.pk for person in watchers}
            _write_for_watchers(notice, watchers)
    return True


def _without_muted(kind: str, change: Change | None, people: list[User]) -> list[User]:
    """Return those who have not muted the change; all, if the type needs its recipient."""
    if change is None or kind in NEEDS_RECIPIENT:
        return people
    muted = ChangeSubscription.objects.filter(change=change, level=ChangeSubscription.Level.MUTED)
    without = set(muted.values_list("person", flat=True))
    return [person for person in people if person.pk not in without]


def _watchers(change: Change) -> QuerySet[User]:
    """Return the users who watch the change and may still see it."""
    watching = ChangeSubscription.objects.filter(change=change, level=ChangeSubscription.Level.WATCHING)
    return _readers(change, users_with_right(*Right)).filter(pk__in=watching.values("person"))


def _write_for_watchers(notice: Notification, people: list[User]) -> None:
    """Store the notification for each of these users, to be shown and not mailed."""
    facts = {"kind": notice.kind, "change": notice.change, "event": notice.event, "by": notice.by, "at": notice.at}
    Notification.objects.bulk_create(Notification(recipient=person, shown=True, **facts) for person in people)


def _settle(change: Change | None) -> None:
    """Cancel the mails that ask for a decision that is no longer needed."""
    if change is not None and change.status != Status.PENDING:
        asked = Notification.objects.filter(change=change, kind__in=MAIL_ONLY)
        asked.filter(mailed_at=None).update(mail_at=None, daily=False)


def _find_proposal(entry: Entry) -> GovernanceProposal | None:
    """Return the proposal that an event of the governance names; None for any other event."""
    if not entry.action.startswith("governance.") or "proposal_kind" not in entry.data:
        return None
    return GovernanceProposal.objects.get(pk=int(entry.data["proposal"].removeprefix("GP-")))


def _decided(event: Event) -> bool:
    """Return whether the vote decided the change: the change's next event, from the same act, says so."""
    following = Event.objects.filter(change=event.change, seq=(event.seq or 0) + 1)
    return event.action == "vote.cast" and following.filter(action__in=("change.approved", "change.rejected")).exists()


def _audience(audience: Audience, change: Change | None, entry: Entry) -> QuerySet[User]:
    """Return the recipients as of now; disabled users and users who lost the right are excluded."""
    people = users_with_right(*RIGHTS[audience])
    if change is None:
        return _of_delivery(audience, people)
    match audience:
        case Audience.REQUESTER:
            return people.filter(pk=change.requester_id)
        case Audience.MENTIONED:
            return _readers(change, people).filter(username__in=entry.data.get("mentions", []))
        case Audience.INVOLVED:
            return _readers(change, people).filter(_involved(change))
        case Audience.OPERATORS:
            return _strangers(change, people)
    return _of_vote(audience, change, entry, _strangers(change, people))


def _of_proposal(audience: Audience, proposal: GovernanceProposal) -> QuerySet[User]:
    """Return the recipients of an event about a proposal: who can decide it, while it is open, or who proposed it."""
    people = users_with_right(*RIGHTS[audience])
    if audience is Audience.PROPOSER:
        return people.filter(pk=proposal.proposed_by_id or 0)
    others = people.exclude(pk__in=[proposal.subject_id or 0, proposal.proposed_by_id or 0])
    return others if audience is Audience.ADMINISTRATORS and proposal.is_open else people.none()


def _of_delivery(audience: Audience, people: QuerySet[User]) -> QuerySet[User]:
    """Return the recipients of an event that concerns no change, such as a pause of all delivery."""
    if audience is Audience.DELAYED:
        return people.filter(pk__in=Change.objects.filter(status__in=WAITING).values("requester_id"))
    return people if audience is Audience.OPERATORS else people.none()


def _of_vote(audience: Audience, change: Change, entry: Entry, strangers: QuerySet[User]) -> QuerySet[User]:
    """Return the recipients among `strangers`: users whose votes the event concerns, or who must vote."""
    votes = Vote.objects.filter(change=change, voided_at=None)
    match audience:
        case Audience.VOTERS:
            return strangers.filter(pk__in=votes.filter(revision=entry.data.get("revision", 0)).values("voter_id"))
        case Audience.VOIDED:
            return strangers.filter(username__in=entry.data.get("votes_voided", []))
        case Audience.DECIDERS if change.status == Status.PENDING:
            return strangers.exclude(pk__in=votes.filter(revision=change.revision).values("voter_id"))
    return strangers.none()


def _strangers(change: Change, people: QuerySet[User]) -> QuerySet[User]:
    """Return the users who neither proposed nor edited the change."""
    edited = Revision.objects.filter(change=change).values("editor_id")
    return people.exclude(pk=change.requester_id).exclude(pk__in=edited)


def _readers(change: Change, people: QuerySet[User]) -> QuerySet[User]:
    """Return the users who may see the change."""
    return people.filter(Q(pk=change.requester_id) | Q(pk__in=users_with_right(*SEE_ALL).values("pk")))


def _involved(change: Change) -> Q:
    """Return the filter for the requester, the voters, the commenters and those who watch the change."""
    said = Comment.objects.filter(change=change).values("author_id")
    voted = Vote.objects.filter(change=change).values("voter_id")
    watching = ChangeSubscription.objects.filter(change=change, level=ChangeSubscription.Level.WATCHING)
    return Q(pk=change.requester_id) | Q(pk__in=said) | Q(pk__in=voted) | Q(pk__in=watching.values("person"))


def _write(notice: Notification, people: list[User]) -> None:
    """Store one notification for each user who wants it; it replaces an unread one of the same conversation."""
    chosen = load_preferences(people, [notice.kind])
    talk = Notification.objects.filter(recipient__in=people, change=notice.change, kind=notice.kind)
    talk = talk if notice.kind in CONVERSATION else talk.none()
    unread = {row.recipient_id: row for row in talk.filter(read_at=None).order_by("pk")}
    mailed = dict(talk.values_list("recipient").annotate(Max("mailed_at")))
    rows = []
    for person in people:
        wish = chosen[person.pk, notice.kind]
        reachable = bool(settings.EMAIL_HOST and person.email)
        daily = reachable and wish.mail == MailTiming.DAILY
        at_once = reachable and wish.mail == MailTiming.AT_ONCE
        if wish.portal or daily or at_once:
            told = Notification(
                recipient=person,
                kind=notice.kind,
                change=notice.change,
                proposal=notice.proposal,
                event=notice.event,
                by=notice.by,
            )
            told.at, told.shown, told.daily = notice.at, wish.portal, daily
            if person.pk in unread:
                told.count, told.mailed_at = unread[person.pk].count + 1, mailed[person.pk]
            told.mail_at = _when_to_mail(mailed.get(person.pk)) if at_once else None
            rows.append(told)
    talk.filter(pk__in=[row.pk for row in unread.values()]).delete()
    Notification.objects.bulk_create(rows)


def _when_to_mail(last: datetime | None) -> datetime:
    """Return the current time, or the end of the pause after the `last` mail about the same conversation."""
    now = timezone.now()
    return max(now, last + _BETWEEN_MAILS) if last else now


def load_preferences(people: Iterable[User], kinds: Iterable[str]) -> dict[tuple[int, str], EffectivePreference]:
    """Return the preferences by user and type: the user's own choice, or else the default."""
    people, kinds = list(people), list(kinds)
    usual = {name: EffectivePreference(name not in MAIL_ONLY, kind.mail) for name, kind in NOTIFICATION_TYPES.items()}
    usual[SUMMARY] = EffectivePreference(False, MailTiming.DAILY)
    found = {(person.pk, kind): usual[kind] for person in people for kind in kinds}
    for row in Preference.objects.filter(person__in=people, kind__in=kinds):
        found[row.person_id, row.kind] = EffectivePreference(row.portal and row.kind not in MAIL_ONLY, row.mail)
    return found
