"""Progress of a running export: a row in the table of the cache, outside the log, that expires by itself."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic
from typing import NamedTuple

from django.core.cache import cache

_EVERY_S = 2.0
SILENT_S = 300
"""Seconds without progress after which an export counts as ended: a client may take long over one piece."""


class Progress(NamedTuple):
    """The rows sent so far, of `all` if that is known."""

    rows: int
    all: int | None


class ProgressReporter:
    """Reporter of the progress of one export, every two seconds at most."""

    def __init__(self, begun: int, all_rows: int | None) -> None:
        self._key, self._all, self._last = _key(begun), all_rows, -_EVERY_S

    def beat(self, rows: int) -> None:
        """Report the number of rows sent so far."""
        if monotonic() - self._last >= _EVERY_S:
            cache.set(self._key, Progress(rows, self._all), SILENT_S)
            self._last = monotonic()

    def end(self) -> None:
        """Delete the progress: the event audit.export_ended replaces it."""
        cache.delete(self._key)


def get_running_exports(begun: Collection[int]) -> dict[int, Progress]:
    """Return the progress of each export that reported it recently, by the event that announced the export."""
    said = cache.get_many([_key(number) for number in begun])
    return {number: said[_key(number)] for number in begun if _key(number) in said}


def _key(begun: int) -> str:
    return f"audit-export-{begun}"
