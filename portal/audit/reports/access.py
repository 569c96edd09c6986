"""Access report: the rights of a user or a group on all secrets, and of all users and groups on one secret."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.db.models import Count, Max, Q

from portal.audit import actions
from portal.audit.models import AccessSubject, Event
from portal.audit.reports.access_history import AccessHistory, AccessSpan, AccessStep, build_access_history
from portal.audit.sharing import describe_access_change
from portal.common.text_folding import fold_text
from portal.web import keyset

_SECRETS = 50
_FOUND = 20


@dataclass(frozen=True)
class SubjectRow:
    """Search result: a user or a group that the log names in access lists, and of how many secrets."""

    kind: str
    name: str
    full_name: str
    secrets: int


@dataclass(frozen=True)
class SecretAccess:
    """The rights of one user or group on one secret, the newest first; `history` is that of the whole secret."""

    secret: int
    history: AccessHistory
    spans: list[AccessSpan]

    @property
    def current(self) -> AccessSpan | None:
        """The last known right; None if it ended."""
        return next((span for span in self.spans if span.ended is None), None)


@dataclass(frozen=True)
class SubjectAccess:
    """One page of the secrets whose access lists name a user or a group, with the full name that events recorded."""

    full_name: str
    held: list[SecretAccess]
    ended: list[SecretAccess]
    older: str
    newer: str


def find_subjects(text: str) -> list[SubjectRow]:
    """Return at most 20 users and groups with the text in their name or full name; case and accents are ignored."""
    part = fold_text(text)
    found = AccessSubject.objects.filter(Q(folded__contains=part) | Q(folded_full_name__contains=part))
    rows = found.values("kind", "name").annotate(full=Max("full_name"), number=Count("secret", distinct=True))
    return [
        SubjectRow(row["kind"], row["name"], row["full"], row["number"])
        for row in rows.order_by("-kind", "name")[:_FOUND]
    ]


@dataclass(frozen=True)
class AccessAtDate:
    """The rights on one secret at the end of a day, each with whether it is uncertain, and all outside edits."""

    on: date
    history: AccessHistory
    spans: list[tuple[AccessSpan, bool]]
    edits: list[tuple[str, AccessStep]]

    @property
    def is_known(self) -> bool:
        """True if a list was read or written before the end of the day."""
        return self.history.known_since is not None and self.history.known_since < _end_of(self.on)


def load_access_at(secret: int, on: date) -> AccessAtDate:
    """Return the access to a secret at the end of a day (UTC), with one query."""
    history, instant = load_secret_history(secret), _end_of(on)
    edits = [
        (describe_access_change(edit.kind, edit.name, new=edit.after, old=edit.before), edit.step)
        for edit in history.outside_edits()
    ]
    return AccessAtDate(on, history, [(span, span.may_be_held_at(instant)) for span in history.at(instant)], edits)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)


def load_secret_history(secret: int) -> AccessHistory:
    """Return the access history of one secret, with one query."""
    return _load_histories([secret])[secret]


def load_subject_access(kind: str, name: str, *, cursor: str) -> SubjectAccess:
    """Return the access of a user or a group, 50 index entries a page, with two queries."""
    folded = fold_text(name)[: AccessSubject.LONGEST]
    rows = AccessSubject.objects.filter(kind=kind, folded=folded)
    page = keyset.paginate_by_keyset(rows, order=("secret", "id"), cursor=cursor, size=_SECRETS)
    secrets = sorted({row.secret for row in page.rows})
    histories = _load_histories(secrets)
    found = [_access_of(kind, folded, secret, histories[secret]) for secret in secrets]
    return SubjectAccess(
        max((row.full_name for row in page.rows), default=""),
        [access for access in found if access.current],
        [access for access in found if access.spans and not access.current],
        page.older,
        page.newer,
    )


def _access_of(kind: str, folded: str, secret: int, history: AccessHistory) -> SecretAccess:
    spans = [
        span
        for span in reversed(history.spans)
        if span.kind == kind and fold_text(span.name)[: AccessSubject.LONGEST] == folded
    ]
    return SecretAccess(secret, history, spans)


def _load_histories(secrets: Collection[int]) -> dict[int, AccessHistory]:
    entries = defaultdict(list)
    for event in Event.objects.filter(secret__in=secrets, action__in=actions.ACCESS).order_by("secret", "id"):
        if event.entry and event.secret is not None:
            entries[event.secret].append(event.entry)
    return {secret: build_access_history(entries[secret]) for secret in secrets}
