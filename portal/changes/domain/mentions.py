"""@mentions in the text of a comment."""

from __future__ import annotations

import re

from portal.accounts.usernames import fold_username

_MARK = "\u0300-\u036f"
"""Combining accents: a name that is typed with them is still the same name."""


_MENTION = re.compile(rf"(?<![\w@.+-])@(\w(?:[\w{_MARK}.@+-]*[\w{_MARK}])?)")


def find_mentions(text: str) -> list[str]:
    """Return the usernames behind an @ as they were typed, each once, in order."""
    return list(dict.fromkeys(_MENTION.findall(text)))


def find_unknown_mentions(text: str, names: list[str]) -> list[str]:
    """Return the mentions in a text, each with its @, that are none of `names`."""
    keys = {fold_username(name) for name in names}
    return [f"@{name}" for name in find_mentions(text) if fold_username(name) not in keys]


def split_mentions(text: str, names: list[str]) -> list[tuple[str, bool]]:
    """Return the text in pieces, each with True if it is a mention of one of `names`."""
    found, end, keys = [], 0, {fold_username(name) for name in names}
    for match in _MENTION.finditer(text):
        if fold_username(match[1]) in keys:
            found += [(text[end : match.start()], False), (match[0], True)]
            end = match.end()
    return [*found, (text[end:], False)]
