"""The one definition of when two user names are the same name. Pure, so that migrations may use it."""

from __future__ import annotations

import unicodedata

from portal.common.invisible_characters import is_invisible


def fold_username(name: str) -> str:
    """Return the form of a user name by which accounts are unique and are found.

    Two names that look alike in any font have the same form: capitals, ß and ss, a dotless i, fullwidth letters, the
    Kelvin sign, composed and combining accents, spaces and characters without a shape make no difference.
    """
    folded = _fold_once(name)
    while folded != name:
        name, folded = folded, _fold_once(folded)
    return folded


def _fold_once(name: str) -> str:
    shown = "".join(char for char in unicodedata.normalize("NFKD", name) if char != " " and not is_invisible(char))
    # Upper case first: it joins a dotless i with i, and a long s with s. A capital I with a dot folds to two.
    folded = unicodedata.normalize("NFKC", shown.upper().casefold())
    return folded.replace("i\u0307", "i")
