"""History of the access to one secret, made from its events: a span for each right that a user or a group had.

Two kinds of events say who may use a secret: a proposal contains the lists that Segura showed at that time, and an
applied change contains the lists that it wrote. Any other difference was made outside Countersign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from portal.audit.access_index import FIELDS, PROPOSED, parse_lists
from portal.audit.entry import Entry

_NEWEST = datetime.max.replace(tzinfo=UTC)

Right = bool
"""May edit (True) or may only view (False)."""
Holder = tuple[str, str]
"""Field and name of a user or a group."""


class Origin(StrEnum):
    """How a right began or ended."""

    CHANGE = "change"
    FIRST_READ = "first_read"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class AccessStep:
    """Begin or end of a right. An outside edit happened after `not_before`, the last time before `at` that is known."""

    origin: Origin
    at: datetime
    not_before: datetime | None = None
    proposal: ProposedAccess | None = None


@dataclass(frozen=True)
class AccessSpan:
    """A right of a user or a group from its beginning to its end; `ended` is None if it is the last known right."""

    kind: str
    name: str
    can_edit: Right
    began: AccessStep
    ended: AccessStep | None = None

    def is_held_at(self, instant: datetime) -> bool:
        """Return whether the right is known to be held at the instant."""
        return self.began.at <= instant and (self.ended is None or instant < (self.ended.not_before or self.ended.at))

    def may_be_held_at(self, instant: datetime) -> bool:
        """Return whether the instant is between two readings of which only one shows the right."""
        begins = self.began.not_before is not None and self.began.not_before <= instant < self.began.at
        ends = self.ended is not None and self.ended.not_before is not None
        return begins or bool(ends and self.ended and (self.ended.not_before or _NEWEST) <= instant < self.ended.at)


@dataclass
class ProposedAccess:
    """A change as far as access is concerned: its last proposal, the votes for it, and when it was sent."""

    change: int
    submitted: Entry
    revised: Entry
    approvers: list[str] = field(default_factory=list)
    sent_at: datetime = _NEWEST
    closed_at: datetime = _NEWEST
    untaken: frozenset[Holder] = frozenset()

    @property
    def requester(self) -> str:
        """The user who proposed the change, or revised it last."""
        return self.revised.actor

    @property
    def lists(self) -> dict[str, dict[str, Right]]:
        """The lists that the change writes."""
        return parse_lists(self.revised.data.get("patch"))

    def explains(self, holder: Holder, right: Right | None, at: datetime) -> bool:
        """Return whether the change may have given exactly this right by the instant."""
        listed = self.lists.get(holder[0])
        return self.sent_at <= at <= self.closed_at and listed is not None and listed.get(holder[1]) == right


@dataclass(frozen=True)
class OutsideEdit:
    """A change of a right that no change explains; `before` and `after` are None for no access."""

    kind: str
    name: str
    before: Right | None
    after: Right | None
    step: AccessStep


@dataclass(frozen=True)
class AccessHistory:
    """All spans of a secret, oldest first; `known` has the first and the last reading of each list."""

    spans: list[AccessSpan]
    known: dict[str, tuple[datetime, datetime]]
    secret_name: str = ""

    @property
    def known_since(self) -> datetime | None:
        """The first time from which a list is known; None if none ever was."""
        return min((first for first, _ in self.known.values()), default=None)

    @property
    def known_until(self) -> datetime | None:
        """The last time at which a list was read or written."""
        return max((last for _, last in self.known.values()), default=None)

    def at(self, instant: datetime) -> list[AccessSpan]:
        """Return the rights that were held, or may have been held, at the instant."""
        found = [span for span in self.spans if span.is_held_at(instant) or span.may_be_held_at(instant)]
        return sorted(found, key=lambda span: (span.kind != "user", span.name))

    def outside_edits(self) -> list[OutsideEdit]:
        """Return the changes of access that no change explains, oldest first."""
        found: dict[tuple[datetime, str, str], OutsideEdit] = {}
        for span in self.spans:
            for step, after in ((span.began, True), (span.ended, False)):
                if step is None or step.origin is not Origin.OUTSIDE:
                    continue
                key = (step.at, span.kind, span.name)
                edit = found.get(key) or OutsideEdit(span.kind, span.name, None, None, step)
                right = span.can_edit
                found[key] = replace(edit, after=right) if after else replace(edit, before=right)
        return [found[key] for key in sorted(found)]


def build_access_history(entries: Iterable[Entry]) -> AccessHistory:
    """Return the history of one secret from its events of actions.ACCESS, in the order of the log."""
    writer = _HistoryWriter()
    readings, name = list[tuple[datetime, dict[str, dict[str, Right]]]](), ""
    applied = list[tuple[datetime, ProposedAccess]]()
    proposals: dict[int, ProposedAccess] = {}
    for entry in entries:
        if entry.change is None:
            continue
        name = str(entry.data.get("secret_name") or name)
        readings.extend(_readings(entry))
        proposal = _follow(proposals, entry)
        if proposal and proposal.closed_at == entry.at and _is_applied(entry):
            applied.append((entry.at, replace(proposal, approvers=[*proposal.approvers])))
    # At the same instant the reading comes first: it was made before anything was written.
    for at, order, number in sorted(
        [(at, 0, number) for number, (at, _) in enumerate(readings)]
        + [(at, 1, number) for number, (at, _) in enumerate(applied)]
    ):
        if order:
            writer.write(at, applied[number][1])
        else:
            writer.read(at, readings[number][1], list(proposals.values()))
    return AccessHistory(writer.spans(), writer.known, name)


def _readings(entry: Entry) -> Iterator[tuple[datetime, dict[str, dict[str, Right]]]]:
    """Yield the lists that Segura showed, with the time of its answer, if the event contains any."""
    read = entry.data.get("read")
    if isinstance(read, dict) and (lists := parse_lists(read)):
        yield _parse_instant(read.get("at")) or entry.at, lists
    if entry.action in PROPOSED and (lists := parse_lists(entry.data.get("base"))):
        yield _parse_instant(entry.data.get("base_read_at")) or entry.at, lists


def _follow(proposals: dict[int, ProposedAccess], entry: Entry) -> ProposedAccess | None:
    """Apply the event to the proposal of its change and return it; None if the submission is not in the log."""
    change = entry.change or 0
    if entry.action == "change.submitted":
        proposals[change] = ProposedAccess(change, entry, entry)
    proposal = proposals.get(change)
    if proposal is None:
        return None
    match entry.action:
        case "change.revised":
            proposal.revised, proposal.approvers = entry, []
        case "vote.cast" if entry.data.get("verdict") == "approve" and entry.actor not in proposal.approvers:
            proposal.approvers.append(entry.actor)
        case "vote.cast" | "vote.voided":
            lost = entry.actor or entry.data.get("person")
            proposal.approvers = [name for name in proposal.approvers if name != lost or _approves(entry)]
        case "delivery.intended":
            proposal.sent_at, proposal.closed_at = min(proposal.sent_at, entry.at), _NEWEST
        case "change.applied" | "change.failed" | "change.resolved":
            proposal.closed_at, proposal.untaken = entry.at, _untaken(entry)
            if entry.data.get("in_part"):  # which part is known only from the next reading, which it explains
                proposal.closed_at = _NEWEST
    return proposal


def _approves(entry: Entry) -> bool:
    return entry.action == "vote.cast" and entry.data.get("verdict") == "approve"


def _is_applied(entry: Entry) -> bool:
    return entry.data.get("to") == "applied" or entry.action == "change.applied"


def _untaken(entry: Entry) -> frozenset[Holder]:
    entries = entry.data.get("untaken")
    pairs = entries if isinstance(entries, list) else []
    return frozenset((str(pair[0]), str(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2)


def _parse_instant(text: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return instant if instant.tzinfo else None


class _HistoryWriter:
    """Writer of the spans: reads and writes come in the order of time."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[datetime, datetime]] = {}
        self._open: dict[Holder, AccessSpan] = {}
        self._closed: list[AccessSpan] = []

    def read(self, at: datetime, lists: dict[str, dict[str, Right]], proposals: list[ProposedAccess]) -> None:
        """Apply the lists that Segura showed."""
        for field_name, rights in lists.items():
            before = self.known.get(field_name)
            for holder in self._holders(field_name, rights):
                right = rights.get(holder[1])
                if right == self._right(holder):
                    continue
                if before is None:
                    step = AccessStep(Origin.FIRST_READ, at)
                elif source := next((one for one in proposals if one.explains(holder, right, at)), None):
                    step = AccessStep(Origin.CHANGE, source.sent_at, proposal=source)
                else:
                    step = AccessStep(Origin.OUTSIDE, at, not_before=before[1])
                self._set(holder, right, step)
            self._note(field_name, at)

    def write(self, at: datetime, proposal: ProposedAccess) -> None:
        """Apply the lists that a change wrote, except the entries that Segura did not take over."""
        for field_name, rights in proposal.lists.items():
            for holder in self._holders(field_name, rights):
                right = rights.get(holder[1])
                if right != self._right(holder) and holder not in proposal.untaken:
                    self._set(holder, right, AccessStep(Origin.CHANGE, at, proposal=proposal))
            self._note(field_name, at)

    def spans(self) -> list[AccessSpan]:
        """Return all spans, oldest first."""
        return sorted([*self._closed, *self._open.values()], key=lambda span: (span.began.at, span.kind, span.name))

    def _holders(self, field_name: str, rights: dict[str, Right]) -> list[Holder]:
        held = {holder for holder in self._open if holder[0] == field_name}
        return sorted(held | {(field_name, name) for name in rights})

    def _right(self, holder: Holder) -> Right | None:
        span = self._open.get(holder)
        return span.can_edit if span else None

    def _set(self, holder: Holder, right: Right | None, step: AccessStep) -> None:
        if span := self._open.pop(holder, None):
            self._closed.append(replace(span, ended=step))
        if right is not None:
            self._open[holder] = AccessSpan(FIELDS[holder[0]], holder[1], right, step)

    def _note(self, field_name: str, at: datetime) -> None:
        first, _last = self.known.get(field_name, (at, at))
        self.known[field_name] = (first, at)
