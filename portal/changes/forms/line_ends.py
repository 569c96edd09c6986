"""Line ends of a text that went through a browser, which sends each one as CR LF. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")


def restore_line_ends(edited: str, seen: str) -> str:
    """Return `edited`, whose line ends are all LF, with the line end that each line has in `seen`.

    An edited line keeps the line end of the line it replaces; a new line takes that of the line above, or else of the
    line below.
    """
    old = _split_lines(seen)
    new = edited.split("\n")
    ends: list[str | None] = [None] * len(new)
    for at, was in _align([text for text, _end in old], new):
        ends[at] = old[was][1] or None
    known = next((end for end in ends[:-1] if end), None) or next((end for _text, end in old if end), "\n")
    parts = []
    for text, end in zip(new[:-1], ends[:-1], strict=True):
        known = end or known
        parts.append(text + known)
    return "".join([*parts, new[-1]])


def _split_lines(text: str) -> list[tuple[str, str]]:
    """Return each line with its line end; the last line has none."""
    lines = [(found[1], found[2]) for found in _LINE.finditer(text)]
    return lines if len(lines) < 2 or lines[-2][1] else lines[:-1]


def _align(old: list[str], new: list[str]) -> Iterator[tuple[int, int]]:
    """Yield pairs of new and old line numbers: unedited lines, and edited lines with the line they replace."""
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    yield from ((at, at) for at in range(start))
    yield from ((len(new) - at, len(old) - at) for at in range(1, end + 1))
    yield from _align_middle(old[start : len(old) - end], new[start : len(new) - end], start)


def _align_middle(old: list[str], new: list[str], offset: int) -> Iterator[tuple[int, int]]:
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    in_place = sum(before == after for before, after in zip(old, new, strict=False))
    matched = sum(upper - lower for kind, lower, upper, _low, _high in blocks if kind == "equal")
    if len(old) == len(new) and in_place >= matched:
        blocks = [("replace", 0, len(old), 0, len(new))]
    for _kind, lower, upper, low, high in blocks:
        for step in range(min(upper - lower, high - low)):
            yield offset + low + step, offset + lower + step


def _shared(one: list[str], other: list[str]) -> int:
    """Return the number of lines at the start that both have in common."""
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return length
