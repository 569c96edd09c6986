"""Reads the whole log anew and names what was altered, removed, reordered, inserted or cut.

Streaming: a few thousand rows are in memory at a time, however long the log is.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from time import monotonic

from django.db.models import Subquery
from django.db.models.functions import Coalesce

from portal.audit import delivery_checks, gaps, notes, retention, tree
from portal.audit.columns import Row, all_as_written, differing, instant
from portal.audit.entry import Unreadable, parse
from portal.audit.leaves import Leaf, leaves
from portal.audit.models import Checkpoint, Seal, Subtree
from portal.audit.proofs import STRIDE

_CHUNK = 4096
_NAMED = 100
_SLACK = timedelta(hours=1)  # far longer than a transaction may be open: events are committed in nearly their order
_KEY_CHANGED = "audit.key_changed"
_KEY_CHANGE = f'{{"action":"{_KEY_CHANGED}"'


@dataclass
class Report:
    """What a verification found. `findings` names at most a hundred places, `problems` counts them all."""

    size: int = 0
    key_id: str = ""
    trusted: bool = False
    pruned: int = 0
    findings: list[str] = field(default_factory=list)
    problems: int = 0
    seconds: float = 0

    @property
    def intact(self) -> bool:
        """Nothing is wrong."""
        return not self.problems

    def add(self, finding: str) -> None:
        """One more thing that is wrong, at its place."""
        self.problems += 1
        if len(self.findings) < _NAMED:
            self.findings.append(finding)


def verify(*, outside: list[str] | None = None, key: notes.Verifier | None = None) -> Report:
    """Check the log up to its newest checkpoint.

    `outside` are notes that were kept elsewhere, without which a cut tail cannot show. `key` is the public key the
    newest checkpoint must be signed with, or one that handed over to it; without one, the log's own word is taken for
    its key. Older keys are believed because the log, under the newest signature, says when each of them was replaced.
    """
    began = monotonic()
    run = _Verification(outside or [], key)
    gc.freeze()  # looking for garbage among all that is alive already would take as long as verifying
    try:
        run.leaves_and_checkpoints()
    finally:
        gc.unfreeze()
    run.outside_notes()
    joined = delivery_checks.find_unapproved_deliveries()
    for finding in chain(gaps.unsealed(run.latest, _SLACK), gaps.numbering(), joined):
        run.report.add(finding)
    run.report.seconds = monotonic() - began
    return run.report


class _Verification:
    def __init__(self, outside: list[str], key: notes.Verifier | None) -> None:
        newest = Checkpoint.objects.first()
        self.report = Report(size=newest.size if newest else 0, key_id=newest.key_id if newest else "")
        self.key = key
        self.keys: dict[str, notes.Verifier] = {}
        self.trusted = {key.key_id: key} if key else {}
        self.current = ""
        self.head = tree.Head()
        self.waiting: list[bytes] = []
        self.newest = ""
        self.torn = False
        self.pruned = retention.announced()
        self.outside = outside
        self.roots = dict.fromkeys(_sizes(outside), b"")

    def leaves_and_checkpoints(self) -> None:
        """The tree from its first leaf to the newest checkpoint."""
        remaining = leaves(self.report.size)
        before: Checkpoint | None = None
        for checkpoint in Checkpoint.objects.filter(size__lte=self.report.size).order_by("size").iterator(_CHUNK):
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
        # In one query, because sealing may go on meanwhile.
        covered = Coalesce(Subquery(Checkpoint.objects.values("size")[:1]), 0)
        uncovered = Seal.objects.filter(leaf__gte=covered).order_by("leaf").first()
        if uncovered is not None:
            self.report.add(f"leaf {uncovered.leaf}: sealed, but its checkpoint is gone")
        if before is not None:
            self.trust(before)

    @property
    def read(self) -> int:
        """How many leaves there were so far."""
        return self.head.size + len(self.waiting)

    def ordinary(self, batch: list[Leaf]) -> bool:
        """All at once, where leaf() would find nothing in any of them but, perhaps, its date: four times as quick."""
        numbers, _, stored, found, _ = zip(*batch, strict=True)
        rows = [row for row in found if row is not None]
        last = self.read + len(batch)
        if len(rows) < len(batch) or (numbers[0], numbers[-1]) != (self.read, last - 1):
            return False
        _, dates, actions, *_, texts = zip(*rows, strict=True)
        if _KEY_CHANGED in actions or not self.roots.keys().isdisjoint(range(self.read + 1, last + 1)):
            return False
        if not all_as_written(rows) or [tree.leaf_hash(text.encode()) for text in texts] != [*stored]:
            return False
        self.waiting.extend(stored)
        for leaf, at in zip(batch, dates, strict=True):
            if at < self.newest:
                self.order(at, _place(leaf))
            else:
                self.newest = at
        return True

    def leaf(self, leaf: Leaf) -> None:
        """One leaf: there, in its place, with the hash of its text, and with columns that say the same."""
        number, _event, stored, row, pruned = leaf
        if number != self.read and not self.torn:
            self.torn = True
            self.report.add(f"leaf {self.read}: missing from the tree")
        if row is None and pruned and number in self.pruned:
            self.retired(self.pruned[number], _place(leaf))
        elif row is None:
            self.report.add(f"{_place(leaf)}: the event was deleted")
        else:
            if tree.leaf_hash(row.text.encode()) != stored:
                self.report.add(f"{_place(leaf)}: its text is not the one that was sealed")
            wrong = differing(row)
            self.columns(wrong, row, _place(leaf))
            if row.at < self.newest:
                self.order(row.at, _place(leaf))
            if row.text.startswith(_KEY_CHANGE):  # sealed ahead of what has waited for hours, it bounds nothing
                self.learn_key(row.text, _place(leaf))
            elif instant(row.at):
                self.newest = max(row.at, self.newest)
        # The stored hash, so that an altered text does not hide whether the rest is whole.
        self.waiting.append(stored)
        if self.read in self.roots:
            self.grow()
            self.roots[self.head.size] = self.head.root()

    def grow(self) -> None:
        """The tree, by the leaves that wait for it. The hashes that proofs are made from are those the leaves give."""
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
        return instant(self.newest)

    def columns(self, wrong: list[str], row: Row, place: str) -> None:
        """The columns and the text do not say the same."""
        for name in wrong:
            if name == "text":
                self.report.add(f"{place}: its text is not in the form the portal writes")
            else:
                self.report.add(f"{place}: column {name} says {getattr(row, name)}, the text does not")

    def retired(self, at: datetime, place: str) -> None:
        """Its text went with an announcement, and at the end of its retention: what stands before it is old as well."""
        self.report.pruned += 1
        if self.latest is not None and at - self.latest < retention.LEAST - _SLACK:
            self.report.add(
                f"{place}: its text went on {at.isoformat()}, but it stands after {self.latest.isoformat()}:"
                f" removed within {retention.LEAST.days} days, before any retention ends"
            )

    def order(self, said: str, place: str) -> None:
        """Nothing stands among events that happened long after it."""
        at = instant(said)
        if at and self.latest and at < self.latest - _SLACK:
            self.report.add(f"{place}: dated {said}, but stands after {self.newest}: inserted")

    def learn_key(self, text: str, place: str) -> None:
        """From this leaf on, checkpoints are signed with this key; trusted, where a trusted one handed over to it."""
        try:
            data = parse(text).data
            verifier = notes.Verifier.parse(str(data.get("new_key")))
        except (Unreadable, notes.BadNote):
            return
        before, self.current = self.current, verifier.key_id
        self.keys[verifier.key_id] = verifier
        if not data.get("hand_over"):
            return
        try:
            handed_over = self.trusted.get(before, self.keys[before]).successor(str(data["hand_over"])) == verifier
        except (KeyError, notes.BadNote):
            handed_over = False
        if not handed_over:
            self.report.add(f"{place}: the key before it did not hand over to key {verifier.key_id}")
        elif before in self.trusted:
            self.trusted[verifier.key_id] = verifier

    def checkpoint(self, checkpoint: Checkpoint, before: Checkpoint | None) -> None:
        """Signed by a key of the log, in line with the one before it, and over the leaves that are there."""
        place = f"checkpoint of {checkpoint.size}"
        if before is not None and checkpoint.at < before.at - _SLACK:
            self.report.add(f"{place}: older than the smaller one before it")
        try:
            said = self.opened(checkpoint.note, {name: key for name, key in self.keys.items() if name == self.current})
            if (said.size, said.root, self.current) != (checkpoint.size, bytes(checkpoint.root), checkpoint.key_id):
                self.report.add(f"{place}: its columns and its note do not say the same")
        except notes.BadNote as error:
            self.report.add(f"{place}: {error}")
        if not self.torn and (self.head.size != checkpoint.size or self.head.root() != bytes(checkpoint.root)):
            self.torn = True  # every later root differs as well: the first one tells where
            first = before.size if before else 0
            self.report.add(
                f"{place}: the leaves do not have this root;"
                f" one of leaves {first} to {checkpoint.size - 1} was altered, inserted, removed or reordered"
            )

    def opened(self, note: str, keys: Mapping[str, notes.Verifier]) -> notes.Checkpoint:
        """The checkpoint of a note signed with one of these keys. Raises BadNote."""
        for key_id in notes.signed_by(note):
            if key_id in keys:
                return keys[key_id].open(note)
        raise notes.BadNote("not signed with the key the log names for it")

    def trust(self, newest: Checkpoint) -> None:
        """The newest checkpoint is signed with the key the caller brought along, or one that it handed over to."""
        self.report.trusted = self.key is not None
        if self.key is None:
            return
        try:
            self.opened(newest.note, self.trusted)
        except notes.BadNote:
            self.report.add(
                f"checkpoint of {newest.size}: not signed by key {self.key.key_id}, nor by one it handed over to"
            )

    def outside_notes(self) -> None:
        """The log still is what it was when these were taken out of the house."""
        if self.key is not None:
            self.keys.setdefault(self.key.key_id, self.key)
        farthest = 0
        for note in self.outside:
            try:
                said = self.opened(note, self.keys)
            except notes.BadNote as error:
                self.report.add(f"outside checkpoint: {error}")
                continue
            if said.size > self.report.size:
                farthest = max(farthest, said.size)
            elif self.roots[said.size] != said.root:
                self.report.add(f"outside checkpoint of {said.size}: the log has another root: two roots for one size")
        if farthest:  # once, however many reach beyond the end
            self.report.add(
                f"outside checkpoint of {farthest}: the log ends after {self.report.size} leaves, its tail was cut"
            )


def _place(leaf: Leaf) -> str:
    return f"leaf {leaf.number} (event {leaf.event})"


def _sizes(outside: list[str]) -> Iterator[int]:
    for note in outside:
        try:
            yield notes.peek(note).size
        except notes.BadNote:
            continue
