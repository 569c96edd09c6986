"""Characters nobody can see: the one definition, for all that refuses, shows, warns of or keeps text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

NEEDED = frozenset("\u00ad\u200c\u200d\u200e\u200f") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Unseen, yet needed to write some languages and emoji; pages show them all the same."""
# Letters and signs that are drawn as nothing, or only change their neighbour, though Unicode has them as printable.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_PERHAPS = re.compile("[^ -~\n]")


def is_invisible(char: str) -> bool:
    """Whether the character has no shape of its own: controls, formats, blanks, unknown ones, every space but one."""
    return not char.isprintable() or _BLANK.match(char) is not None


def replace_invisible(text: str, spelling: Callable[[str], str]) -> str:
    """The text with `spelling` of each unseen character in its place; line ends stay."""
    return _PERHAPS.sub(lambda found: spelling(found[0]) if is_invisible(found[0]) else found[0], text)
