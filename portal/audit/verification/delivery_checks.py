"""Check of deliveries against votes: every call must have been approved, according to the events alone.

Outside auditors can check the same with an export. A change whose first events were removed by retention is skipped,
because its votes were removed with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from portal.audit.entry import Entry, UnreadableEntry, parse_entry
from portal.audit.models import Event

_SENT = "delivery.intended"
_PROPOSED = ("change.submitted", "change.revised")
_ENDED = (
    "change.revised",
    "change.withdrawn",
    "change.rejected",
    "change.expired",
    "change.stale",
    "change.applied",
)
_REOPENED_BY = {"change.failed": "change.retried", "change.resolved": "change.retried"}
_ASKED = (*_PROPOSED, *_ENDED, *_REOPENED_BY, *_REOPENED_BY.values(), "vote.cast", "vote.voided", _SENT)


def find_unapproved_deliveries() -> Iterator[str]:
    """Yield a sentence for each delivery in the log that its votes do not cover."""
    delivered = Event.objects.filter(action=_SENT).values("change")
    rows = Event.objects.filter(change__in=delivered, action__in=_ASKED).order_by("change", "seq")
    found = rows.values_list("change", "seq", "text").iterator(chunk_size=2000)
    for change, events in groupby(found, key=lambda row: row[0]):
        yield from _check_change(change, [(seq, text) for _, seq, text in events])


def _check_change(change: int | None, events: list[tuple[int | None, str]]) -> Iterator[str]:
    log = _Approvals()
    for place, (seq, text) in enumerate(events):
        try:
            entry = parse_entry(text)
        except UnreadableEntry:
            continue  # reported by the check of its leaf
        if place == 0 and entry.action != "change.submitted" and seq != 1:
            return  # retention removed the first events
        reason = log.read(entry)
        if reason:
            yield f"event {seq} of change {change}: a delivery {reason}"


class _Approvals:
    """The approvals of one change, according to its events so far."""

    def __init__(self) -> None:
        self.required = 1
        self.proposed: tuple[object, object] = (None, None)
        self.approvals: dict[object, tuple[object, object]] = {}
        self.ended = ""

    def read(self, entry: Entry) -> str:
        """Process the next event; return what is wrong with a delivery, '' if nothing is."""
        data = entry.data
        if entry.action in _PROPOSED:
            self.approvals, self.ended = {}, ""
            self.proposed = (data.get("revision"), data.get("digest"))
            policy = data.get("policy")
            required = policy.get("required") if isinstance(policy, dict) else None
            self.required = max(1, required) if type(required) is int else 1
        elif entry.action == "vote.cast":
            self._vote(entry)
        elif entry.action == "vote.voided":
            self.approvals.pop(data.get("person"), None)
        elif entry.action == _SENT:
            return self._sent(data.get("digest"))
        elif entry.action in _REOPENED_BY.values():
            self.ended = ""
        else:
            self.ended = entry.action
        return ""

    def _vote(self, entry: Entry) -> None:
        cast = (entry.data.get("revision"), entry.data.get("digest"))
        if entry.data.get("verdict") == "approve":
            self.approvals[entry.actor] = cast
        else:
            self.approvals.pop(entry.actor, None)

    def _sent(self, digest: object) -> str:
        if self.ended:
            return f"after {self.ended}"
        counted = sum(cast == self.proposed for cast in self.approvals.values())
        if digest != self.proposed[1]:
            return "of something else than was proposed"
        if counted < self.required:
            return f"with {counted} of {self.required} approvals"
        return ""
