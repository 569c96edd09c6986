"""Events in sealed order, a few thousand in memory at a time; also as a file for outside auditors.

A line of that file has, separated by tabs: leaf number, hash in hex, proof (hashes in hex with commas, or empty), and
the hashed text. The ledger writes a tab or a line end within a text as a JSON escape. A leaf whose text was removed at
the end of its retention has an empty text; a later event (audit.pruned) names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection

from portal.audit.models import Checkpoint, Tombstone, TreeLeaf

_CHUNK = 4096


class EventRow(NamedTuple):
    """An event as the table stores it. `at` is in the format of event texts: a datetime costs ten times as much."""

    id: int
    at: str
    action: str
    actor: str
    change: int | None
    seq: int | None
    secret: int | None
    http_status: int | None
    text: str


class Leaf(NamedTuple):
    """A leaf of the stored tree. `row` is None if the event is gone, `pruned` is true if a tombstone records that."""

    number: int
    event: int
    hash: bytes
    row: EventRow | None
    pruned: bool


# The format of instants in event texts.
_AT = (
    "CASE WHEN at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59Z'"
    " THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00') ELSE at::text END"
)


def iter_leaves(size: int) -> Iterator[Leaf]:
    """Yield the leaves numbered below `size`."""
    for first in range(0, size, _CHUNK):
        within = {"leaf__gte": first, "leaf__lt": min(first + _CHUNK, size)}
        seals = list(TreeLeaf.objects.filter(**within).order_by("leaf").values_list("leaf", "event", "leaf_hash"))
        rows = _rows([event for _, event, _ in seals])
        # Tombstones are read last, because retention may be running.
        gone = set(Tombstone.objects.filter(**within).values_list("leaf", flat=True))
        for number, event, stored in seals:
            yield Leaf(number, event, bytes(stored), rows.get(event), number in gone)


def _rows(events: list[int]) -> dict[int, EventRow]:
    """Return the existing events of these ids.

    The order of leaves nearly follows the ids: reading a range of ids is twice as fast as reading each id, or a join,
    for which PostgreSQL may read the whole table.
    """
    first, last = min(events, default=0), max(events, default=0)
    dense = last - first < 2 * _CHUNK
    numbers = f"BETWEEN {first} AND {last}" if dense else f"IN ({', '.join(map(str, events))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {_AT}, action, actor, change, seq, secret, http_status, text"  # noqa: S608 - numbers
            f" FROM audit_event WHERE id {numbers}"
        )
        return {row.id: row for row in map(EventRow._make, cursor.fetchall())}


def format_leaf(number: int, leaf_hash: bytes, text: str, proof: list[bytes] | None = None) -> str:
    """Return the line of a leaf in the file for outside auditors."""
    return f"{number}\t{leaf_hash.hex()}\t{','.join(part.hex() for part in proof or ())}\t{text}\n"


@dataclass
class SealedLogExport:
    """Export of the log up to the newest checkpoint at its start, for the offline verifier. A CountedFile (exports)."""

    size: int = field(default_factory=lambda: newest.size if (newest := Checkpoint.objects.first()) else 0)
    rows: int = 0
    format: str = "sealed"
    content_type: str = "text/plain; charset=utf-8"

    def parts(self) -> Iterator[str]:
        """Yield the file in pieces, first leaf first. An event deleted without a tombstone leaves a gap."""
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
        self.rows += len(piece)  # before it is sent: the record may overstate, never understate
        return "".join(piece)
