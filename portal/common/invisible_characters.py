"""Definition of invisible characters, for all code that rejects, shows, warns of or stores text. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable

NEEDED = frozenset("\u00ad\u200c\u200d\u200e\u200f") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Invisible characters that some languages and emoji need; pages make them visible all the same."""
# Characters that are drawn as nothing or only change their neighbour, although Unicode calls them printable.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_PERHAPS = re.compile("[^ -~\n]")


def is_invisible(char: str) -> bool:
    """Return whether the character has no shape: control, format, blank, unassigned, or a space other than U+0020."""
    return not char.isprintable() or _BLANK.match(char) is not None


def replace_invisible(text: str, spelling: Callable[[str], str]) -> str:
    """Return the text with each invisible character replaced by `spelling` of it; line ends stay."""
    return _PERHAPS.sub(lambda found: spelling(found[0]) if is_invisible(found[0]) else found[0], text)
