"""Folding of user names: the only definition of when two names are the same. Pure, so that migrations may use it."""

from __future__ import annotations

import unicodedata

from portal.common.invisible_characters import is_invisible


def fold_username(name: str) -> str:
    """Return the form of a user name by which accounts are unique and are found.

    Two names that look alike in any font have the same form: case, ß and ss, a dotless i, fullwidth letters, the Kelvin
    sign, composed and combining accents, spaces and invisible characters make no difference.
    """
    folded = _fold_once(name)
    while folded != name:
        name, folded = folded, _fold_once(folded)
    return folded


def _fold_once(name: str) -> str:
    shown = "".join(char for char in unicodedata.normalize("NFKD", name) if char != " " and not is_invisible(char))
    # Upper case first: it maps a dotless i to i and a long s to s. A capital I with a dot folds to two characters.
    folded = unicodedata.normalize("NFKC", shown.upper().casefold())
    return folded.replace("i\u0307", "i")
