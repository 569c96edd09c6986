"""A folded form of names, equal for names that readers take for the same. Pure functions."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Protocol, TypeVar

from portal.common.invisible_characters import is_invisible

_SAME = {ord(char): "'" for char in "\u2018\u2019\u201b\u02bc\u02b9\u02bb\u2032\u00b4\u0060\uff07"}
_SAME |= {ord(char): "-" for char in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"}
"""Apostrophes and dashes that keyboards and word processors replace with each other."""


def fold_name(text: str) -> str:
    """Return the folded form of a name, which is equal for two names that readers take for the same.

    Case, different encodings of one character, kinds of apostrophes, dashes and spaces, and invisible characters make
    no difference.
    """
    shown = "".join(char for char in text if char.isspace() or char == "\u3000" or not is_invisible(char))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())
    return " ".join(folded.translate(_SAME).split())


class _Named(Protocol):
    name: str


Named = TypeVar("Named", bound=_Named)


def find_same_name(rows: Sequence[Named], name: str) -> Named | None:
    """Return the row with exactly this name, else the first with the same folded form; None if there is no such row."""
    key = fold_name(name)
    same = [row for row in rows if fold_name(row.name) == key]
    return next((row for row in same if row.name == name), same[0] if same else None)
