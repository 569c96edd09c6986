"""How far an export under way is: a row in the cache's table, outside the log, which goes by itself in silence."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic
from typing import NamedTuple

from django.core.cache import cache

_EVERY_S = 2.0
SILENT_S = 300
"""Seconds after which an export that says nothing is over: a reader may take long over one piece."""


class Progress(NamedTuple):
    """Rows handed over so far, of `all` where that is known."""

    rows: int
    all: int | None


class ProgressReporter:
    """What one export says of itself, every two seconds at most."""

    def __init__(self, begun: int, all_rows: int | None) -> None:
        self._key, self._all, self._last = _key(begun), all_rows, -_EVERY_S

    def beat(self, rows: int) -> None:
        """So many rows have left."""
        if monotonic() - self._last >= _EVERY_S:
            cache.set(self._key, Progress(rows, self._all), SILENT_S)
            self._last = monotonic()

    def end(self) -> None:
        """The log says the rest."""
        cache.delete(self._key)


def get_running_exports(begun: Collection[int]) -> dict[int, Progress]:
    """Of these exports, by the event that announced them, the ones that were heard of lately."""
    said = cache.get_many([_key(number) for number in begun])
    return {number: said[_key(number)] for number in begun if _key(number) in said}


def _key(begun: int) -> str:
    return f"audit-export-{begun}"
