"""Lookalike names: spellings with letters that look like others, such as «alices» with a Cyrillic «a». Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from portal.common.name_folding import fold_name

_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "FULLWIDTH", "MATHEMATICAL"}
"""Scripts with letters of the same shape; others are left out, as Japanese for example mixes scripts normally."""
_WORD = re.compile(r"[^\W\d_]+")


def has_mixed_scripts(text: str) -> bool:
    """Return whether a word of the text mixes letters of two scripts that look alike."""
    return any(len(_scripts(word) & _ALIKE) > 1 for word in _WORD.findall(text))


def find_same_names(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of different texts that readers take for one name."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(fold_name(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def escape_non_ascii(text: str) -> str:
    """Return the text with each non-ASCII character as its code point, which shows how lookalikes differ."""
    return "".join(char if char.isascii() else f"⟨U+{ord(char):04X}⟩" for char in text)


def _scripts(word: str) -> set[str]:
    return {unicodedata.name(char, "").partition(" ")[0] for char in word}
