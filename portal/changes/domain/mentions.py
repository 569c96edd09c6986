"""@mentions in the text of a comment."""

from __future__ import annotations

import re

from portal.accounts.usernames import fold_username

_MARK = "\u0300-\u036f"
"""Accents as characters of their own: a name may be typed with them, and is none the less the name."""


_MENTION = re.compile(rf"(?<![\w@.+-])@(\w(?:[\w{_MARK}.@+-]*[\w{_MARK}])?)")


def find_mentions(text: str) -> list[str]:
    """The user names behind an @ as they were typed, each once, in order."""
    return list(dict.fromkeys(_MENTION.findall(text)))


def split_mentions(text: str, names: list[str]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is the mention of one of `names`."""
    found, end, keys = [], 0, {fold_username(name) for name in names}
    for match in _MENTION.finditer(text):
        if fold_username(match[1]) in keys:
            found += [(text[end : match.start()], False), (match[0], True)]
            end = match.end()
    return [*found, (text[end:], False)]
