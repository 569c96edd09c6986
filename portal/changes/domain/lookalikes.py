"""Lookalike names: spellings with letters that look like others, such as «alices» with a Cyrillic «a». Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from portal.common.name_folding import fold_name

_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "FULLWIDTH", "MATHEMATICAL"}
"""Scripts with letters of the same shape; others are left out, as Japanese for example mixes scripts normally."""
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = {
    # Cyrillic
    0x430: "a", 0x435: "e", 0x43E: "o", 0x440: "p", 0x441: "c", 0x443: "y", 0x445: "x", 0x456: "i",
    0x458: "j", 0x455: "s", 0x4BB: "h", 0x501: "d", 0x51B: "q", 0x51D: "w", 0x4CF: "l", 0x410: "A",
    0x412: "B", 0x415: "E", 0x41A: "K", 0x41C: "M", 0x41D: "H", 0x41E: "O", 0x420: "P", 0x421: "C",
    0x422: "T", 0x425: "X", 0x423: "Y", 0x406: "I", 0x408: "J", 0x405: "S",
    # Greek
    0x3BF: "o", 0x3B1: "a", 0x3BD: "v", 0x3C1: "p", 0x3C5: "u", 0x3B9: "i", 0x391: "A", 0x392: "B",
    0x395: "E", 0x396: "Z", 0x397: "H", 0x399: "I", 0x39A: "K", 0x39C: "M", 0x39D: "N", 0x39F: "O",
    0x3A1: "P", 0x3A4: "T", 0x3A5: "Y", 0x3A7: "X",
}  # fmt: skip
"""Latin letter by the Cyrillic or Greek letter of the same shape: those that occur in ordinary fonts."""


def has_mixed_scripts(text: str) -> bool:
    """Return whether a word of the text mixes letters of two scripts that look alike."""
    return any(len(_scripts(word) & _ALIKE) > 1 for word in _WORD.findall(text))


def find_same_names(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of different texts that readers take for one name."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(fold_name(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def fold_lookalikes(text: str) -> str:
    """Return the text with letters of other scripts replaced by the Latin letters that they look like."""
    return text if text.isascii() else text.translate(_LATIN)


def find_mixed_positions(text: str) -> set[int]:
    """Return the positions of non-ASCII letters in words that mix scripts which look alike."""
    if text.isascii():
        return set()
    words = [found for found in _WORD.finditer(text) if not found[0].isascii()]
    mixed = {word for word in {found[0] for found in words} if has_mixed_scripts(word)}
    places = (place for found in words if found[0] in mixed for place in range(*found.span()))
    return {place for place in places if not text[place].isascii()}


def escape_non_ascii(text: str) -> str:
    """Return the text with each non-ASCII character as its code point, which shows how lookalikes differ."""
    return "".join(char if char.isascii() else f"⟨U+{ord(char):04X}⟩" for char in text)


def _scripts(word: str) -> set[str]:
    return {unicodedata.name(char, "").partition(" ")[0] for char in word}
