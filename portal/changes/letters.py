"""Names written in letters that pass for others, such as «alices» with the first letter a Cyrillic one. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from portal.unseen import is_unseen

_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "FULLWIDTH", "MATHEMATICAL"}
"""Scripts that share shapes; Japanese and others mix theirs as a matter of course."""
_SAME = {ord(char): "'" for char in "\u2018\u2019\u201b\u02bc\u02b9\u02bb\u2032\u00b4\u0060\uff07"}
_SAME |= {ord(char): "-" for char in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"}
"""Apostrophes and dashes: keyboards and word processors put one in place of the other."""
_WORD = re.compile(r"[^\W\d_]+")


def mixed(text: str) -> bool:
    """Whether a word of the text holds letters of two scripts that look alike."""
    return any(len(_scripts(word) & _ALIKE) > 1 for word in _WORD.findall(text))


def fold_name(text: str) -> str:
    """Return the form in which two names that people take for one are equal.

    Capitals, ways to encode the same character, kinds of apostrophes, dashes and spaces, and characters without a
    shape make no difference.
    """
    shown = "".join(char for char in text if char.isspace() or char == "\u3000" or not is_unseen(char))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())
    return " ".join(folded.translate(_SAME).split())


def find_same_names(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of different texts that people take for one name."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(fold_name(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def spelled_out(text: str) -> str:
    """The text with every letter beyond ASCII as its number: what tells it from its double."""
    return "".join(char if char.isascii() else f"⟨U+{ord(char):04X}⟩" for char in text)


def _scripts(word: str) -> set[str]:
    return {unicodedata.name(char, "").partition(" ")[0] for char in word}
