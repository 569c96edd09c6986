"""Reports by subject: the actions of a user, the changes of a secret, and the search for both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q

from portal.accounts.models import User
from portal.audit import actions, code_labels, sharing
from portal.audit.entry import Entry
from portal.audit.event_filters import EventFilters
from portal.audit.models import Event, EventQuerySet
from portal.audit.period import Period
from portal.audit.reports.access import SubjectRow, find_subjects
from portal.audit.secret_names import find_secrets_by_name

SUBMITTED = "change.submitted"
_PROPOSED = (SUBMITTED, "change.revised")
_QUIET = ("change.requeued",)
_STORY = (
    *[action for action in actions.actions_in_group("change") if action not in _QUIET],
    "vote.cast",
    "delivery.answered",
)
_FOUND = 20


@dataclass
class ChangeStory:
    """One change as the log records it: the last proposal, its votes, Segura's responses, and its newest status."""

    change: int
    proposed: Entry
    votes: list[Entry] = field(default_factory=list)
    answers: list[Entry] = field(default_factory=list)
    moved: Entry | None = None

    @property
    def status(self) -> str:
        """The status that the newest status change led to."""
        return str(self.moved.data.get("to", "")) if self.moved else "pending"

    @property
    def status_word(self) -> str:
        return code_labels.code_label(self.status)

    @property
    def powers(self) -> list[sharing.Power]:
        """The access that users and groups gain or lose by the change."""
        return sharing.access_changes_from_data(self.proposed.data)

    @property
    def other_fields(self) -> str:
        """The changed fields, except the lists of who may use the secret."""
        names = self.proposed.data.get("fields")
        return ", ".join(name for name in names if name not in sharing.LISTS) if isinstance(names, list) else ""

    def add(self, entry: Entry) -> None:
        """Add the next event of the change."""
        if entry.action in _PROPOSED:
            self.proposed, self.votes = entry, []
        elif entry.action == "vote.cast":
            self.votes.append(entry)
        elif entry.action == "delivery.answered":
            self.answers.append(entry)
        if entry.action.startswith("change.") and "to" in entry.data:
            self.moved = entry


def build_change_stories(submitted: Iterable[Event]) -> list[ChangeStory]:
    """Return the stories of changes, given the events of their submission, with one query for all of them."""
    begun = {event.change: event.entry for event in submitted if event.change is not None and event.entry}
    told = {change: ChangeStory(change, entry) for change, entry in begun.items()}
    for event in Event.objects.filter(change__in=list(told), action__in=_STORY).order_by("id"):
        if event.entry and event.change is not None:
            told[event.change].add(event.entry)
    return list(told.values())


@dataclass(frozen=True)
class ActionCounts:
    """How often a user did each action of one noun."""

    noun: Any
    counts: list[tuple[str, str, int]]


def events_by_user(person: str, period: Period) -> EventQuerySet:
    """Return the events of a user in a period, newest first."""
    return Event.objects.matching(EventFilters(person=person, since=period.since, until=period.until))


def count_actions(person: str, period: Period) -> list[ActionCounts]:
    """Return how often a user did each action in a period: (action, label, number) in the order of ACTION_GROUPS."""
    found = events_by_user(person, period).order_by()
    by_noun: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for action, number in found.values_list("action").annotate(Count("pk")).order_by("action"):
        by_noun[action.partition(".")[0]].append((action, actions.action_label(action), number))
    return [ActionCounts(label, by_noun[noun]) for noun, label in actions.ACTION_GROUPS.items() if noun in by_noun]


@dataclass(frozen=True)
class SearchResults:
    """The results of a search: change numbers, secrets with their names, usernames, and names of access lists."""

    changes: list[int]
    secrets: list[tuple[int, str]]
    people: list[str]
    subjects: list[SubjectRow]

    def __len__(self) -> int:
        return len(self.changes) + len(self.secrets) + len(self.people) + len(self.subjects)


def search_log(text: str, number: int | None) -> SearchResults:
    """Find changes and secrets by their number; secrets, accounts, and users and groups of Segura by a part of a name.

    Names of secrets are those of the newest 20,000 submissions: the log is not searched as a whole.
    """
    changes, secrets = [], {}
    if number is not None:
        changes = [number] if Event.objects.filter(change=number).exists() else []
        if text.isdigit() and Event.objects.filter(secret=number).exists():
            secrets[number] = ""
    named = list((secrets | find_secrets_by_name(text)).items())[:_FOUND]
    return SearchResults(changes, named, _people_named(text), find_subjects(text))


def _people_named(text: str) -> list[str]:
    named = User.objects.filter(
        Q(username__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text)
    )
    names = list(named.order_by("username").values_list("username", flat=True)[:_FOUND])
    if text not in names and Event.objects.filter(actor=text).exists():
        names.append(text)
    return names
