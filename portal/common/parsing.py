"""Integers from URLs and search fields."""

from __future__ import annotations

_DIGITS = 18
"""A number with more digits may not fit into a BIGINT column."""


def parse_db_integer(text: str) -> int | None:
    """Return the number that the digits spell; None for other text and for numbers that may not fit into BIGINT."""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None
