"""Traits of a secret value that may be shown without the value: length, kinds of characters, variety. Pure.

They are bands, not exact numbers: enough to recognise a password that a user made up, too little to search for it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from portal.changes.domain import placeholders

LENGTHS = (1, 8, 16, 32, 64)
BITS = (0, 40, 80, 128)
CLASSES = ("lower", "upper", "digit", "space", "line", "sign", "other")
EDGES = ("start", "end")


def measure_strength(text: str) -> dict[str, Any]:
    """Return the traits of a value as a revision stores them: `length` and `bits` as [least, most or None], `classes`.

    `blank` is added if the value has a space or a line end at its start or end, `placeholder` if it looks like one.

    The digest of votes covers the traits, and delivery computes them again: if this function returned other traits for
    the same value, approved changes could not be sent.
    """
    found = {_class(char) for char in text}
    return {
        "length": _band(len(text), LENGTHS),
        "classes": [name for name in CLASSES if name in found],
        "bits": _band(_bits(text), BITS),
        **_oddities(text),
    }


def _oddities(text: str) -> dict[str, Any]:
    blank = [edge for edge, char in zip(EDGES, (text[0], text[-1]), strict=True) if char.isspace()]
    return ({"blank": blank} if blank else {}) | (
        {"placeholder": True} if placeholders.looks_like_placeholder(text) else {}
    )


def _band(number: int, starts: Iterable[int]) -> list[int | None]:
    *_, least = [start for start in starts if start <= number]
    return [least, next((start - 1 for start in starts if start > number), None)]


def _class(char: str) -> str:
    if char == "\n":
        return "line"
    if not char.isascii():
        return "other"
    if char.isalpha():
        return "lower" if char.islower() else "upper"
    if char.isdigit():
        return "digit"
    return "space" if char.isspace() else "sign"


def _bits(text: str) -> int:
    """Return Shannon's entropy of the characters in bits, without those that continue a run (aaa, 1234, dcba).

    The result is an upper bound: words and dates are not recognised.
    """
    codes = [ord(char) for char in text]
    steps = [after - before for before, after in pairwise(codes)]
    kept = [code for at, code in enumerate(codes) if at < 2 or abs(steps[at - 1]) > 1 or steps[at - 1] != steps[at - 2]]
    shares = [count / len(kept) for count in Counter(kept).values()]
    return int(len(kept) * -sum(share * math.log2(share) for share in shares))
