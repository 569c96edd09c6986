"""Names written in letters that pass for others, such as «alices» with the first letter a Cyrillic one. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from portal.common.name_folding import fold_name

_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "FULLWIDTH", "MATHEMATICAL"}
"""Scripts that share shapes; Japanese and others mix theirs as a matter of course."""
_WORD = re.compile(r"[^\W\d_]+")


def has_mixed_scripts(text: str) -> bool:
    """Whether a word of the text holds letters of two scripts that look alike."""
    return any(len(_scripts(word) & _ALIKE) > 1 for word in _WORD.findall(text))


def find_same_names(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of different texts that people take for one name."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(fold_name(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def escape_non_ascii(text: str) -> str:
    """The text with every letter beyond ASCII as its number: what tells it from its double."""
    return "".join(char if char.isascii() else f"⟨U+{ord(char):04X}⟩" for char in text)


def _scripts(word: str) -> set[str]:
    return {unicodedata.name(char, "").partition(" ")[0] for char in word}
