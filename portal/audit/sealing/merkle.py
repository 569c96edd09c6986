"""The Merkle tree of RFC 6962: hashing, a growing tree, proofs and their verification. Pure functions, no database.

A subtree is named by (level, index): the 2**level leaves from index * 2**level on. Proofs are made from a `ReadNode`,
which returns the hash of any complete subtree, so that this module does not depend on where hashes are stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

ReadNode = Callable[[int, int], bytes]
"""Function that returns the hash of the complete subtree (level, index)."""

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(text: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 over 0x00 and its bytes."""
    return hashlib.sha256(b"\x00" + text).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node: SHA-256 over 0x01 and both its children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass
class MerkleTree:
    """A tree that grows by leaves and stores its complete subtrees only, largest first: O(log n) memory."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    @classmethod
    def at(cls, size: int, read: ReadNode) -> MerkleTree:
        """Return the tree of the first `size` leaves."""
        levels = [level for level in reversed(range(size.bit_length())) if size >> level & 1]
        return cls(size, [read(level, (size >> level) - 1) for level in levels])

    def append(self, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Add one leaf, as extend() does, and yield its subtrees of every level."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes], every: int = 1) -> Iterator[tuple[int, int, bytes]]:
        """Add the hashes of leaves; yield (level, index, hash) of the subtrees that they complete.

        Only subtrees above the leaves are yielded, of each `every`th level. The caller must exhaust the iterator,
        because a leaf is added only when its subtrees are requested.
        """
        peaks = self.peaks
        for node in leaves:
            self.size += 1
            complete, level = self.size, 0
            while not complete & 1:
                node = hashlib.sha256(b"\x01" + peaks.pop() + node).digest()  # node_hash() inlined, for speed
                complete, level = complete >> 1, level + 1
                if level % every == 0:
                    yield level, complete - 1, node
            peaks.append(node)

    def root(self) -> bytes:
        """Return the Merkle tree hash of all leaves so far."""
        root = self.peaks[-1] if self.peaks else EMPTY
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def inclusion_proof(leaf: int, size: int, read: ReadNode) -> list[bytes]:
    """Return the proof that leaf number `leaf` is in the tree of `size` leaves (RFC 6962, 2.1.1), leaf's sibling first.

    Raises ValueError if the tree has no such leaf.
    """
    if not 0 <= leaf < size:
        raise ValueError(f"leaf {leaf} is not in a tree of {size}")
    proof: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _left(stop - start)
        if leaf < middle:
            proof.append(_subtree(middle, stop, read))
            stop = middle
        else:
            proof.append(_subtree(start, middle, read))
            start = middle
    return proof[::-1]


def verify_inclusion(root: bytes, size: int, leaf: int, hashed: bytes, proof: list[bytes]) -> bool:
    """Return whether the proof leads from the leaf's hash to the root."""
    if not 0 <= leaf < size:
        return False
    node, index, last = hashed, leaf, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and node == root


def _left(size: int) -> int:
    """Return the largest power of two below `size`: the number of leaves left of the root."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtree(start: int, stop: int, read: ReadNode) -> bytes:
    """Return the hash over the leaves from `start` to before `stop`.

    `start` is a multiple of the smallest power of two that is not below their number.
    """
    size = stop - start
    level = size.bit_length() - 1
    if size == 1 << level:
        return read(level, start >> level)
    middle = start + _left(size)
    return node_hash(_subtree(start, middle, read), _subtree(middle, stop, read))
