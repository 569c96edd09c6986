"""Evidence book: one zip with all changes of a period, whose every file the offline verifier verifies.

The zip is made while it is sent, a few hundred changes in memory at a time.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.template.loader import render_to_string

from portal.audit.exports import evidence_pack
from portal.audit.models import Checkpoint, Event, EventQuerySet, UnsealedEvent
from portal.audit.offline import verify_countersign
from portal.audit.period import Period
from portal.audit.sealing import inclusion_proofs
from portal.audit.sealing.leaves import format_leaf
from portal.audit.sealing.status import announced_public_key

_CHANGES = 200
_IN_BOOK = Q(change__isnull=False) | Q(action__in=verify_countersign.LOG_EVENTS)
_PIECE_BYTES = 64 * 1024
MOST_EVENTS = 200_000
"""Events in a book at most: the offline verifier unpacks no more than a gibibyte."""


class NoChange(LookupError):
    """A period in which no change has an event."""


class TooManyEvents(Exception):
    """A period with more events than a book may contain."""


@dataclass
class EvidenceBook:
    """The book of a period, up to its end or to now. A CountedFile (exports): `rows` counts events.

    Raises NoChange, TooManyEvents, evidence_pack.HistoryPruned and evidence_pack.NotSealedYet when it is created.
    """

    period: Period
    now: datetime
    rows: int = 0
    format: str = "book"
    content_type: str = "application/zip"
    all_rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.since, self.until = self.period.since, min(self.period.until, self.now)
        self.readme = render_to_string("audit/evidence_book_readme.txt").lstrip()  # now: later no language is active
        in_time = Event.objects.during(self.since, self.until).filter(change__isnull=False)
        waiting = UnsealedEvent.objects.values("event")
        if Event.objects.filter(_IN_BOOK, pk__in=waiting, at__lt=self.until).exists():
            raise evidence_pack.NotSealedYet
        submitted = Event.objects.filter(change=OuterRef("change"), seq=1, action="change.submitted")
        pruned = in_time.filter(~Exists(submitted)).values_list("change", flat=True).first()
        if pruned is not None:
            raise evidence_pack.HistoryPruned(pruned)
        self.all_rows = self._events(in_time.values("change")).count()
        checkpoint = Checkpoint.objects.first()
        if not self.all_rows or checkpoint is None:
            raise NoChange
        if self.all_rows > MOST_EVENTS:
            raise TooManyEvents
        self.checkpoint, self.key = checkpoint, announced_public_key(checkpoint)

    def parts(self) -> Iterator[bytes]:
        """Yield the zip in pieces. Raises inclusion_proofs.MissingNode for a damaged tree."""
        sink = _Sink()
        with zipfile.ZipFile(sink, "w") as archive:
            for name, pieces in self._files():
                entry = zipfile.ZipInfo(name, self.checkpoint.at.timetuple()[:6])
                entry.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(entry, "w") as file:
                    for piece in pieces:
                        file.write(piece.encode())
                        if sink.size > _PIECE_BYTES:
                            yield sink.take_bytes()
        yield sink.take_bytes()

    def _files(self) -> Iterator[tuple[str, Iterable[str]]]:
        since, until = (f"{at:%Y-%m-%dT%H:%M:%S.%f}" for at in (self.since, self.until))  # UTC, as in event texts
        title = f"{since[:19]} {until[:19]}"
        yield "README.txt", [f"{title}\n{self.key}\n\n{self.readme}"]
        yield "period.txt", [f"{since}\n{until}\n"]
        yield "checkpoint.txt", [self.checkpoint.note]
        yield "public-key.txt", [f"{self.key}\n"]
        yield "key-changes.txt", [evidence_pack.prove_key_changes(self.checkpoint)]
        yield "summary.css", [evidence_pack.STYLE.read_text(encoding="utf-8")]
        yield evidence_pack.VERIFIER.name, [evidence_pack.VERIFIER.read_text(encoding="utf-8")]
        log_events = self._prove_log_events()
        yield "log-events.txt", [line for line, _ in log_events]
        yield "events.txt", self._proven_lines()
        texts = [text for _, text in log_events]
        yield "book.html", verify_countersign.print_book(self._read_changes, since, until, self.key, texts)

    def _prove_log_events(self) -> list[tuple[str, str]]:
        """Return the events of delivery and of the log itself as lines with proofs, and as texts, in order."""
        found = Event.objects.during(self.since, self.until).filter(action__in=verify_countersign.LOG_EVENTS)
        events = list(found.order_by("pk")[:MOST_EVENTS])
        sealed = inclusion_proofs.prove_events([event.pk for event in events], self.checkpoint)
        events.sort(key=lambda event: sealed[event.pk].leaf)
        proven = [(event.text, sealed[event.pk]) for event in events]
        return [(format_leaf(at.leaf, at.leaf_hash, text, at.proof), text) for text, at in proven]

    def _proven_lines(self) -> Iterator[str]:
        """Yield the events of the book with their proofs, as lines."""
        for events in self._chunks():
            sealed = inclusion_proofs.prove_events([event.pk for event in events], self.checkpoint)
            self.rows += len(events)  # before they are sent: the record may overstate, never understate
            for event in events:
                at = sealed[event.pk]
                yield format_leaf(at.leaf, at.leaf_hash, event.text, at.proof)

    def _read_changes(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each change and the texts of its events."""
        for events in self._chunks():
            changes: dict[int, list[str]] = {}
            for event in events:
                changes.setdefault(event.change or 0, []).append(event.text)
            yield from changes.items()

    def _chunks(self) -> Iterator[list[Event]]:
        """Yield the events of a few hundred changes at a time, by change and number."""
        position = 0
        while True:
            later = Event.objects.during(self.since, self.until).filter(change__gt=position)
            numbers = list(later.order_by("change").values_list("change", flat=True).distinct()[:_CHANGES])
            if not numbers:
                return
            yield list(self._events(numbers).order_by("change", "seq"))
            position = numbers[-1] or 0

    def _events(self, changes: Any) -> EventQuerySet:
        """Return the events of these changes up to the first one after the end of the period."""
        same = Event.objects.filter(change=OuterRef("change"), seq__lte=OuterRef("seq"), at__gte=self.until)
        return Event.objects.filter(~Exists(same), change__in=changes)


class _Sink:
    """File that only collects what is written to it. Without tell(), zipfile takes it for a stream."""

    def __init__(self) -> None:
        self._parts, self.size = list[bytes](), 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: the collected bytes are taken with take_bytes()."""

    def close(self) -> None:
        """Do nothing, as flush()."""

    def take_bytes(self) -> bytes:
        """Return what was written since the last call."""
        taken = b"".join(self._parts)
        self._parts, self.size = [], 0
        return taken
