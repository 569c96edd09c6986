"""Parser for list rows that leaves out malformed rows one by one, each with its position and a readable reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from portal.vault.entities import Malformed
from portal.vault.scrubbing import clean_text

_LONGEST_NAME = 60
_Row = TypeVar("_Row")


class Rows(list[_Row]):
    """Rows of a list that could be read; `left_out` has the position and the reason of each other row."""

    left_out: tuple[str, ...] = ()


def read_rows(raw: Iterable[object], parse: Callable[[object], _Row], *, first: int = 1) -> Rows[_Row]:
    """Parse a list row by row and leave out the rows for which `parse` raises Malformed.

    `first` is the position of the first row.
    """
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
    """Return the name that a row gives itself, formatted for a message; "" if it gives none."""
    fields = row if isinstance(row, dict) else {}
    names = (fields.get(key) for key in ("name", "userName", "displayName"))
    name = next((clean_text(name)[:_LONGEST_NAME] for name in names if isinstance(name, str) and name.strip()), "")
    return f"“{name}”, " if name else ""
