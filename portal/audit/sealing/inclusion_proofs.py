"""The stored tree and proofs from it: every eighth level is read, the levels between are hashed again."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from portal.audit.models import Checkpoint, Subtree, TreeLeaf
from portal.audit.sealing import merkle

STRIDE = 8


class MissingNode(LookupError):
    """A hash that the stored tree lacks: it was deleted outside the portal."""


@dataclass
class StoredTree:
    """Reader of the stored tree: returns the hash of any complete subtree (a merkle.ReadNode), caches what it read."""

    _tiles: dict[tuple[int, int], dict[int, bytes]] = field(default_factory=dict)

    def __call__(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree (level, index). Raises MissingNode."""
        above = level % STRIDE
        first, count = index << above, 1 << above
        tile = self._tile(level - above, first >> STRIDE)
        try:
            hashes = [tile[number] for number in range(first, first + count)]
        except KeyError as error:
            raise MissingNode(f"level {level - above} of the tree lacks number {error.args[0]}") from None
        while len(hashes) > 1:
            hashes = [merkle.node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def _tile(self, level: int, number: int) -> dict[int, bytes]:
        """Return up to 256 adjacent hashes by index, from the cache or the database."""
        known = self._tiles.get((level, number))
        if known is None:
            first, last = number << STRIDE, (number + 1 << STRIDE) - 1
            rows = (
                Subtree.objects.filter(level=level, index__range=(first, last)).values_list("index", "root")
                if level
                else TreeLeaf.objects.filter(leaf__range=(first, last)).values_list("leaf", "leaf_hash")
            )
            known = self._tiles[level, number] = {index: bytes(hashed) for index, hashed in rows}
        return known


@dataclass(frozen=True)
class SealedEvent:
    """The place of an event in the tree, and its proof against a checkpoint."""

    leaf: int
    leaf_hash: bytes
    checkpoint: Checkpoint
    proof: list[bytes]

    @cached_property
    def holds(self) -> bool:
        """True if the proof leads to the checkpoint's root."""
        root = bytes(self.checkpoint.root)
        return merkle.verify_inclusion(root, self.checkpoint.size, self.leaf, self.leaf_hash, self.proof)


def prove_events(events: list[int], checkpoint: Checkpoint | None = None) -> dict[int, SealedEvent]:
    """Return, for each of these events that the checkpoint covers, its proof against it. Raises MissingNode.

    The default is the newest checkpoint.
    """
    checkpoint = checkpoint or Checkpoint.objects.first()
    if checkpoint is None:
        return {}
    kept = StoredTree()
    seals = TreeLeaf.objects.filter(event__in=events, leaf__lt=checkpoint.size)
    return {
        seal.event: SealedEvent(
            seal.leaf,
            bytes(seal.leaf_hash),
            checkpoint,
            merkle.inclusion_proof(seal.leaf, checkpoint.size, kept),
        )
        for seal in seals
    }
