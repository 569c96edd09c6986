"""The tree against its definition in RFC 6962, written down naively, and against published values."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.audit.sealing import merkle

# The leaves and roots of the reference implementation of Certificate Transparency (its merkle tree test vectors).
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def grown(leaves: list[bytes]) -> tuple[merkle.MerkleTree, dict[tuple[int, int], bytes]]:
    head, stored = merkle.MerkleTree(), {}
    for number, leaf in enumerate(leaves):
        stored[0, number] = merkle.leaf_hash(leaf)
        for level, index, hashed in head.append(stored[0, number]):
            stored[level, index] = hashed
    return head, stored


def leaves_of(size: int) -> list[bytes]:
    return [str(number).encode() for number in range(size)]


def test_roots_are_the_published_ones() -> None:
    assert merkle.MerkleTree().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for size, root in enumerate(ROOTS, start=1):
        assert grown(LEAVES[:size])[0].root().hex() == root


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=8), max_size=70))
def test_head_is_the_root_of_the_definition_and_can_be_taken_up_again(leaves: list[bytes]) -> None:
    head, stored = grown(leaves)
    assert head.root() == naive_root(leaves)
    assert merkle.MerkleTree.at(len(leaves), lambda *place: stored[place]) == head
    assert all(
        hashed == naive_root(leaves[index << level : index + 1 << level]) for (level, index), hashed in stored.items()
    )


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_inclusion_proofs_are_those_of_the_definition_and_hold_for_nothing_else(data: st.DataObject) -> None:
    leaves = leaves_of(data.draw(st.integers(1, 70)))
    number = data.draw(st.integers(0, len(leaves) - 1))
    head, stored = grown(leaves)
    size, root = len(leaves), head.root()
    proof = merkle.inclusion_proof(number, size, lambda *place: stored[place])
    assert proof == naive_path(number, leaves)
    assert merkle.verify_inclusion(root, size, number, stored[0, number], proof)
    other = data.draw(st.integers(-1, len(leaves)).filter(lambda one: one != number))
    assert not merkle.verify_inclusion(root, size, other, stored[0, number], proof)
    assert not merkle.verify_inclusion(root, size, number, merkle.leaf_hash(b"other"), proof)
    assert not merkle.verify_inclusion(merkle.EMPTY, size, number, stored[0, number], proof)
    assert not merkle.verify_inclusion(root, size, number, stored[0, number], [*proof, merkle.EMPTY])
    if proof:
        assert not merkle.verify_inclusion(root, size, number, stored[0, number], proof[:-1])


def test_what_is_not_in_the_tree_has_no_proof() -> None:
    _, stored = grown(leaves_of(5))
    for leaf, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="not in a tree"):
            merkle.inclusion_proof(leaf, size, lambda *place: stored[place])
