"""Verification of the whole log: names what was altered, removed, reordered, inserted or cut.

The log is streamed: a few thousand rows are in memory at a time, however long it is.
"""

from __future__ import annotations

import gc
from datetime import datetime
from itertools import chain, islice
from time import monotonic

from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from portal.audit.entry import UnreadableEntry, parse_entry
from portal.audit.models import Checkpoint, Event, Subtree, TreeLeaf, UnsealedEvent
from portal.audit.sealing import merkle, signed_note
from portal.audit.sealing.inclusion_proofs import STRIDE
from portal.audit.sealing.leaves import EventRow, Leaf, iter_leaves
from portal.audit.sealing.succession import Succession
from portal.audit.verification import delivery_checks, gap_checks, outside_checkpoints, vote_checks
from portal.audit.verification.ages import LEAST_DAYS, NEVER, OFF, OLD, SLACK, YOUNG, Ages, format_event_time
from portal.audit.verification.column_checks import (
    all_have_canonical_columns,
    find_column_mismatches,
    parse_instant,
)
from portal.audit.verification.report import VerificationReport

_CHUNK = 4096
_KEY_CHANGED, _DATED, _PRUNED, _RETAINED = RARE = (
    "audit.key_changed", "audit.dated", "audit.pruned", "audit.retention_changed"
)  # fmt: skip
_AHEAD = (_KEY_CHANGED, _DATED)  # sealed before older events that wait: their dates bound no later event


def verify_events(*, outside: list[str] | None = None, key: signed_note.Verifier | None = None) -> VerificationReport:
    """Check the log up to its newest checkpoint.

    `outside` are notes stored elsewhere, without which a cut tail cannot be detected. `key` is the public key that must
    have signed the newest checkpoint, or have handed over to the key that did; without it, the key that the log names
    is accepted. Older keys are trusted because the log, under the newest signature, says when each of them was
    replaced.
    """
    began = monotonic()
    run = _Verification(outside or [], key)
    gc.freeze()  # collecting garbage among all live objects would take as long as verifying
    try:
        run.leaves_and_checkpoints()
        run.removals()
    finally:
        gc.unfreeze()
    outside_checkpoints.compare_checkpoints(run.outside, run.roots, run.key, run.succession, run.report)
    joined = delivery_checks.find_unapproved_deliveries()
    gaps = chain(gap_checks.find_unsealed_events(run.latest, SLACK), gap_checks.find_numbering_gaps())
    for finding in chain(gaps, joined, vote_checks.find_unproved_votes()):
        run.report.add(finding)
    run.report.seconds = monotonic() - began
    return run.report


class _Verification:
    def __init__(self, outside: list[str], key: signed_note.Verifier | None) -> None:
        newest = Checkpoint.objects.first()
        self.report = VerificationReport(size=newest.size if newest else 0, key_id=newest.key_id if newest else "")
        self.key = key
        self.succession = Succession({key.key_id: key} if key else {})
        self.ages = Ages()
        self.head = merkle.MerkleTree()
        self.waiting: list[bytes] = []
        self.newest = ""
        self.now = timezone.now()
        self.signed_at = self.now
        self.limit = format_event_time(self.now + SLACK)
        self.torn = False
        self.outside = outside
        self.roots = dict.fromkeys(outside_checkpoints.stated_sizes(outside), b"")

    def leaves_and_checkpoints(self) -> None:
        """Check the tree from its first leaf to the newest checkpoint."""
        remaining = iter_leaves(self.report.size)
        before: Checkpoint | None = None
        for checkpoint in Checkpoint.objects.filter(size__lte=self.report.size).order_by("size").iterator(_CHUNK):
            self.bound(checkpoint)
            while self.read < checkpoint.size:
                following = list(islice(remaining, min(checkpoint.size - self.read, _CHUNK - self.read % _CHUNK)))
                if not following:
                    break
                if not self.ordinary(following):
                    for leaf in following:
                        self.leaf(leaf)
                self.grow()
            self.checkpoint(checkpoint, before)
            before = checkpoint
        # In one query, because the sealer may be running.
        covered = Coalesce(Subquery(Checkpoint.objects.values("size")[:1]), 0)
        uncovered = TreeLeaf.objects.filter(leaf__gte=covered).order_by("leaf").first()
        if uncovered is not None:
            self.report.add(f"leaf {uncovered.leaf}: sealed, but its checkpoint is gone")
        if before is not None:
            self.report.trusted = self.key is not None
            outside_checkpoints.check_newest_signature(before, self.key, self.succession, self.report)

    @property
    def read(self) -> int:
        """The number of leaves read so far."""
        return self.head.size + len(self.waiting)

    def bound(self, checkpoint: Checkpoint) -> None:
        """Set the limit for events under this checkpoint: none happened after it was signed."""
        try:
            self.signed_at = min(signed_note.parse_unverified(checkpoint.note).at or self.now, self.now)
        except signed_note.InvalidNote:
            self.signed_at = self.now
        self.limit = format_event_time(self.signed_at + SLACK)

    def ordinary(self, batch: list[Leaf]) -> bool:
        """Accept a batch if leaf() could report dates at most, and return True: four times as fast as leaf()."""
        numbers, _, stored, found, _ = zip(*batch, strict=True)
        rows = [row for row in found if row is not None]
        last = self.read + len(batch)
        if len(rows) < len(batch) or (numbers[0], numbers[-1]) != (self.read, last - 1):
            return False
        _, dates, actions, *_, texts = zip(*rows, strict=True)
        if not {*RARE}.isdisjoint(actions) or not self.roots.keys().isdisjoint(range(self.read + 1, last + 1)):
            return False
        if not all_have_canonical_columns(rows) or [merkle.leaf_hash(text.encode()) for text in texts] != [*stored]:
            return False
        self.waiting.extend(stored)
        for leaf, at in zip(batch, dates, strict=True):
            if at < self.newest or at > self.limit:
                self.order(at, _place(leaf))
            else:
                self.newest = at
        return True

    def leaf(self, leaf: Leaf) -> None:
        """Check one leaf: it exists, in its place, with the hash of its text, and with columns that agree with it."""
        number, _event, stored, row, pruned = leaf
        if number != self.read and not self.torn:
            self.torn = True
            self.report.add(f"leaf {self.read}: missing from the tree")
        if row is None and pruned:
            self.ages.miss(number)
        elif row is None:
            self.report.add(f"{_place(leaf)}: the event was deleted")
        else:
            self.text(row, _place(leaf), number, stored)
        # The stored hash, so that an altered text does not hide whether the other leaves are unchanged.
        self.waiting.append(stored)
        if self.read in self.roots:
            self.grow()
            self.roots[self.head.size] = self.head.root()

    def text(self, row: EventRow, place: str, number: int, stored: bytes) -> None:
        """Check the columns, the date and the hash of an event; apply an event that verification depends on."""
        self.columns(find_column_mismatches(row), row, place)
        ahead = row.at < self.newest or row.at > self.limit
        if ahead:
            self.order(row.at, place)
        if merkle.leaf_hash(row.text.encode()) != stored:
            self.report.add(f"{place}: its text is not the one that was sealed")
        elif row.text.startswith(tuple(f'{{"action":"{action}"' for action in RARE)):
            self.rare(row.text, place, number)
        if not ahead and parse_instant(row.at) and row.action not in _AHEAD:
            self.newest = row.at

    def rare(self, text: str, place: str, number: int) -> None:
        """Apply an event that verification depends on: a key, a signed time, the retention or a removal."""
        try:
            entry = parse_entry(text)
        except UnreadableEntry:
            return  # reported by the check of its columns
        if entry.action == _KEY_CHANGED:
            wrong = self.succession.learn(text, number, lambda key: _signs(key, number + 1))
            if wrong:
                self.report.add(f"{place}: {wrong}")
        elif entry.action == _DATED:
            self.dated(str(entry.data.get("note")), place, number)
        elif entry.action == _RETAINED:
            self.ages.retain(entry.data.get("days"))
        elif entry.action == _PRUNED:
            if not self.ages.days:
                self.report.add(f"{place}: it announces that texts went while retention was off")
            self.ages.announce(number, entry.at, self.signed_at, entry.data.get("leaves"))

    def dated(self, note: str, place: str, number: int) -> None:
        """Apply a signed time: all leaves before this one existed when the note was signed, later ones are younger."""
        self.grow()
        try:
            said = outside_checkpoints.open_checkpoint(note, self.succession.signing())
        except signed_note.InvalidNote as error:
            self.report.add(f"{place}: its signed time: {error}")
            return
        if said.at is None or (said.size, said.root) != (number, self.head.root()) or said.at > self.signed_at + SLACK:
            self.report.add(f"{place}: its signed time is not of the leaves before it")
        elif self.ages.newest and said.at < self.ages.newest:
            self.report.add(f"{place}: its signed time is before the one before it")
        else:
            self.ages.date(said.size, said.at)
            self.newest = max(self.newest, format_event_time(said.at))

    def removals(self) -> None:
        """Check that each missing text was removed as its retention allows, according to the log up to now."""
        waiting = Event.objects.filter(pk__in=UnsealedEvent.objects.values("event"), action__in=(_RETAINED, _PRUNED))
        for number, text in waiting.order_by("pk").values_list("pk", "text"):
            self.signed_at = self.now
            self.rare(text, f"event {number}", self.report.size)
        for leaf, why in self.ages.verdicts():
            self.report.pruned += why == OLD
            if why != OLD:
                event = TreeLeaf.objects.filter(leaf=leaf).values_list("event", flat=True).first()
                self.report.add(f"leaf {leaf} (event {event}): {_REMOVED[why]}")

    def grow(self) -> None:
        """Add the waiting leaves to the tree; report stored subtrees, which proofs are made from, that differ."""
        complete = {(level, index): root for level, index, root in self.head.extend(self.waiting, every=STRIDE)}
        self.waiting.clear()
        if not complete or self.torn:
            return
        levels, indexes = zip(*complete, strict=True)
        found = Subtree.objects.filter(level__in={*levels}, index__in={*indexes}).values_list("level", "index", "root")
        kept = {(level, index): bytes(root) for level, index, root in found}
        for (level, index), root in complete.items():
            if kept.get((level, index)) != root:
                first, last = index << level, (index + 1 << level) - 1
                self.report.add(f"leaves {first} to {last}: their kept subtree does not have their root")

    @property
    def latest(self) -> datetime | None:
        """The latest instant of an event so far."""
        return parse_instant(self.newest)

    def columns(self, wrong: list[str], row: EventRow, place: str) -> None:
        """Report the columns that contradict the text."""
        for name in wrong:
            if name == "text":
                self.report.add(f"{place}: its text is not in the form the portal writes")
            else:
                self.report.add(f"{place}: column {name} says {getattr(row, name)}, the text does not")

    def order(self, said: str, place: str) -> None:
        """Report an event that stands after events dated long after it, or is dated long after it was signed."""
        at = parse_instant(said)
        if at and said > self.limit:
            self.report.add(f"{place}: dated {said}, but signed on {format_event_time(self.signed_at)}: dated ahead")
        elif at and self.latest and at < self.latest - SLACK:
            self.report.add(f"{place}: dated {said}, but stands after {self.newest}: inserted")

    def checkpoint(self, checkpoint: Checkpoint, before: Checkpoint | None) -> None:
        """Check the signature and columns of a checkpoint, its order in time, and its root over the leaves."""
        place = f"checkpoint of {checkpoint.size}"
        if before is not None and checkpoint.at < before.at - SLACK:
            self.report.add(f"{place}: older than the smaller one before it")
        try:
            current = self.succession.current
            said = outside_checkpoints.open_checkpoint(checkpoint.note, self.succession.signing())
            if (said.size, said.root, current) != (checkpoint.size, bytes(checkpoint.root), checkpoint.key_id):
                self.report.add(f"{place}: its columns and its note do not say the same")
        except signed_note.InvalidNote as error:
            self.report.add(f"{place}: {error}")
        if not self.torn and (self.head.size != checkpoint.size or self.head.root() != bytes(checkpoint.root)):
            self.torn = True  # every later root differs as well: only the first one shows the place
            first = before.size if before else 0
            self.report.add(
                f"{place}: the leaves do not have this root;"
                f" one of leaves {first} to {checkpoint.size - 1} was altered, inserted, removed or reordered"
            )


_REMOVED = {
    NEVER: "the event was deleted",
    OFF: "its text went while retention was off",
    YOUNG: f"its text went before its retention ended: no time that was signed shows it {LEAST_DAYS} days old",
}


def _signs(key_id: str, size: int) -> bool:
    """Return whether the checkpoint of this size names this key; checkpoint() verifies its signature."""
    return Checkpoint.objects.filter(size=size, key_id=key_id).exists()


def _place(leaf: Leaf) -> str:
    return f"leaf {leaf.number} (event {leaf.event})"
