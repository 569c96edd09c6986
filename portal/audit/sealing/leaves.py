"""The events in the order they were sealed, a few thousand in memory at a time; and as a file for outsiders.

A line of such a file: leaf number, hash in hex, proof (hashes in hex with commas, or nothing), and the text as it was
hashed, with a tab between them. The ledger writes a tab and a line end within a text as JSON escapes. A leaf whose text
went at the end of its retention has none; a later event (audit.pruned) names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection

from portal.audit.models import Checkpoint, Seal, Tombstone

_CHUNK = 4096


class EventRow(NamedTuple):
    """An event as the table has it; `at` as its text says instants, which costs a tenth of making a datetime of it."""

    id: int
    at: str
    action: str
    actor: str
    change: int | None
    seq: int | None
    secret: int | None
    code: int | None
    text: str


class Leaf(NamedTuple):
    """One leaf of the tree as it is kept; `row` is None where the event is gone, `pruned` where a tombstone says so."""

    number: int
    event: int
    hash: bytes
    row: EventRow | None
    pruned: bool


# As the texts say instants.
_AT = (
    "CASE WHEN at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59Z'"
    " THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00') ELSE at::text END"
)


def iter_leaves(size: int) -> Iterator[Leaf]:
    """The leaves numbered below `size`."""
    for first in range(0, size, _CHUNK):
        within = {"leaf__gte": first, "leaf__lt": min(first + _CHUNK, size)}
        seals = list(Seal.objects.filter(**within).order_by("leaf").values_list("leaf", "event", "leaf_hash"))
        rows = _rows([event for _, event, _ in seals])
        gone = set(Tombstone.objects.filter(**within).values_list("leaf", flat=True))  # after: retention goes on
        for number, event, stored in seals:
            yield Leaf(number, event, bytes(stored), rows.get(event), number in gone)


def _rows(events: list[int]) -> dict[int, EventRow]:
    """Those events that are there. Leaves nearly follow their numbers: a range of these is read twice as quickly as
    each for itself, or as a join, for which PostgreSQL may read all there are."""
    first, last = min(events, default=0), max(events, default=0)
    dense = last - first < 2 * _CHUNK
    numbers = f"BETWEEN {first} AND {last}" if dense else f"IN ({', '.join(map(str, events))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {_AT}, action, actor, change, seq, secret, code, text"  # noqa: S608 - numbers
            f" FROM audit_event WHERE id {numbers}"
        )
        return {row.id: row for row in map(EventRow._make, cursor.fetchall())}


def format_leaf(number: int, leaf_hash: bytes, text: str, proof: list[bytes] | None = None) -> str:
    """A leaf as outsiders get it."""
    return f"{number}\t{leaf_hash.hex()}\t{','.join(part.hex() for part in proof or ())}\t{text}\n"


@dataclass
class SealedLogExport:
    """The whole log up to the newest checkpoint of when it began, for the outsider's verifier. Like an Export."""

    size: int = field(default_factory=lambda: newest.size if (newest := Checkpoint.objects.first()) else 0)
    rows: int = 0
    format: str = "sealed"
    content_type: str = "text/plain; charset=utf-8"

    def parts(self) -> Iterator[str]:
        """The file in pieces, first leaf first. An event that is just gone leaves a gap, which the verifier names."""
        piece: list[str] = []
        for leaf in iter_leaves(self.size):
            if leaf.row is not None or leaf.pruned:
                piece.append(format_leaf(leaf.number, leaf.hash, leaf.row.text if leaf.row else ""))
            if len(piece) == _CHUNK:
                yield self._counted(piece)
                piece = []
        if piece:
            yield self._counted(piece)

    def _counted(self, piece: list[str]) -> str:
        self.rows += len(piece)  # before it leaves: the record may say too much, never too little
        return "".join(piece)
