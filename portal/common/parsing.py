"""Numbers as addresses and searches give them."""

from __future__ import annotations

_DIGITS = 18
"""More would be no BIGINT."""


def parse_db_integer(text: str) -> int | None:
    """The number whose digits the text is; None where it is none, or one that no column could hold."""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None
