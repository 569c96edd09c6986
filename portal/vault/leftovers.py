"""Rows of a list that are not as agreed: left out one by one, each with a place and a reason that people can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from portal.vault.entities import Malformed
from portal.vault.scrubbing import clean_text

_LONGEST_NAME = 60
_Row = TypeVar("_Row")


class Rows(list[_Row]):
    """The rows of a list that could be read; `left_out` says of each other one where it stood and why."""

    left_out: tuple[str, ...] = ()


def read_rows(raw: Iterable[object], parse: Callable[[object], _Row], *, first: int = 1) -> Rows[_Row]:
    """Parse row by row; `first` is the place of the first one. Rows that `parse` finds Malformed are left out."""
    rows: Rows[_Row] = Rows()
    left_out = []
    for place, row in enumerate(raw, start=first):
        try:
            rows.append(parse(row))
        except Malformed as error:
            left_out.append(f"{place}: {_named(row)}{error}")
    rows.left_out = tuple(left_out)
    return rows


def _named(row: object) -> str:
    """What a row calls itself, where it does so in letters."""
    fields = row if isinstance(row, dict) else {}
    names = (fields.get(key) for key in ("name", "userName", "displayName"))
    name = next((clean_text(name)[:_LONGEST_NAME] for name in names if isinstance(name, str) and name.strip()), "")
    return f"“{name}”, " if name else ""
