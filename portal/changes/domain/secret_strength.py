"""What may be told of a secret value without telling it: how long, of what characters, how varied. Pure.

Bands, never numbers: enough to see that a value is a password somebody thought up, too little to look for it.
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
    """The traits of a value as a revision keeps them: `length` and `bits` as [least, most or None], `classes`.

    `blank`, where there is a space or a line end at its start or end; `placeholder`, where it looks like one.

    Votes are over them too, and they are made anew before sending: said differently, what is approved is not sent.
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
    """Shannon's entropy of the characters, those left out that go on with a run (aaa, 1234, dcba).

    An upper bound: words and dates are not looked for.
    """
    codes = [ord(char) for char in text]
    steps = [after - before for before, after in pairwise(codes)]
    kept = [code for at, code in enumerate(codes) if at < 2 or abs(steps[at - 1]) > 1 or steps[at - 1] != steps[at - 2]]
    shares = [count / len(kept) for count in Counter(kept).values()]
    return int(len(kept) * -sum(share * math.log2(share) for share in shares))
