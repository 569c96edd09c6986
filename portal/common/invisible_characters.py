"""Definition of invisible characters, for all code that rejects, shows, warns of or stores text. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

NEEDED = frozenset("\u00ad\u200c\u200d\u200e\u200f") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Invisible characters that some languages and emoji need; pages make them visible all the same."""
# Characters that are drawn as nothing or only change their neighbour, although Unicode calls them printable.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_PERHAPS = re.compile("[^ -~\n]")
_ACCENTED = re.compile(r"(\w)([\u0300-\u036f])")


def is_invisible(char: str) -> bool:
    """Return whether the character has no shape: control, format, blank, unassigned, or a space other than U+0020."""
    return not char.isprintable() or _BLANK.match(char) is not None


def replace_invisible(text: str, spelling: Callable[[str], str]) -> str:
    """Return the text with each invisible character replaced by `spelling` of it; line ends stay."""
    return _PERHAPS.sub(lambda found: spelling(found[0]) if is_invisible(found[0]) else found[0], text)


def show_invisible(text: str) -> str:
    """Return the text with every character made visible that could make two different values look alike.

    Characters without a shape (direction marks, zero width, control) become ⟨U+202E⟩, combining accents that Unicode
    could compose with their letter too, and spaces at the start and the end ␣: approvers must see what they approve.
    """
    inner = text.strip(" ")
    before = len(text) - len(text.lstrip(" ")) if inner else len(text)
    after = len(text) - before - len(inner)
    composed = inner if inner.isascii() else _ACCENTED.sub(_spell_accent, inner)
    return "␣" * before + replace_invisible(composed, code_point) + "␣" * after


def code_point(char: str) -> str:
    """Return the code point of a character as pages show it: ⟨U+202E⟩."""
    return f"⟨U+{ord(char):04X}⟩"


def _spell_accent(found: re.Match[str]) -> str:
    composed = len(unicodedata.normalize("NFC", found[0])) == 1
    return f"{found[1]}{code_point(found[2])}" if composed else found[0]
