"""Age of the leaves whose texts were removed, as the log itself proves it, read in leaf order. No database.

A text may be removed if the log contains three things:

- a signed time (`audit.dated`) over a tree that already contained its leaf, older than the removal by at least the
  retention in force;
- the retention (`audit.retention_changed`), which is off until an event sets it;
- the announcement of the removal (`audit.pruned`). Its own time counts, or that of the checkpoint
  over it, if that is earlier.

A role that owns the tables can write the last two; the first needs the log's key.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

LEAST_DAYS = 365
"""The shortest retention: the settings refuse fewer days."""
SLACK = timedelta(minutes=10)
"""Tolerance for the order of event dates: longer than a transaction may be open and two clocks may differ."""
NEVER, OFF, YOUNG, OLD = range(4)
"""Why a text is missing: no event announced it, retention was off, it was too young, or it was old enough."""


@dataclass(frozen=True)
class _Announcement:
    leaf: int
    at: datetime
    ranges: list[tuple[int, int]]
    days: int


@dataclass
class Ages:
    """Signed times, retention, announcements and missing texts so far."""

    days: int = 0
    _sizes: list[int] = field(default_factory=list)
    _times: list[datetime] = field(default_factory=list)
    _announcements: list[_Announcement] = field(default_factory=list)
    _gone: list[list[int]] = field(default_factory=list)

    @property
    def newest(self) -> datetime | None:
        """The newest signed time; None before the first."""
        return self._times[-1] if self._times else None

    def date(self, size: int, at: datetime) -> None:
        """Record that a tree of this size was signed at this time, no earlier than the one before."""
        self._sizes.append(size)
        self._times.append(at)

    def retain(self, days: object) -> None:
        """Set the retention from here on, in days; 0 (never) for a value that no setting allows."""
        self.days = days if isinstance(days, int) and days >= LEAST_DAYS else 0

    def announce(self, leaf: int, at: datetime, signed_at: datetime, ranges: object) -> None:
        """Record that the event of this leaf announces the removal of `ranges`; only leaves before it count."""
        known = [(max(first, 0), min(last, leaf - 1)) for first, last in _pairs(ranges)]
        self._announcements.append(_Announcement(leaf, min(at, signed_at), known, self.days))

    def miss(self, leaf: int) -> None:
        """Record that the text of this leaf is missing."""
        if self._gone and self._gone[-1][1] == leaf - 1:
            self._gone[-1][1] = leaf
        else:
            self._gone.append([leaf, leaf])

    def verdicts(self) -> Iterator[tuple[int, int]]:
        """Yield each leaf whose text is missing, with NEVER, OFF, YOUNG or OLD. Uses a byte of memory for each leaf."""
        why = bytearray(self._gone[-1][1] + 1 if self._gone else 0)
        for announcement in self._announcements:
            old = self._old_by(announcement)
            for first, last in announcement.ranges:
                self._mark(why, first, min(last, old - 1), OLD)
                self._mark(why, max(first, old), last, YOUNG if announcement.days else OFF)
        for first, last in self._gone:
            for leaf in range(first, last + 1):
                yield leaf, why[leaf]

    def _old_by(self, announcement: _Announcement) -> int:
        """Return how many leaves were signed long enough before the announcement."""
        if not announcement.days:
            return 0
        try:
            before = announcement.at - timedelta(days=announcement.days) + SLACK
        except OverflowError:
            return 0
        known = bisect_right(self._times, before)
        return self._sizes[known - 1] if known else 0

    @staticmethod
    def _mark(why: bytearray, first: int, last: int, verdict: int) -> None:
        """Set the verdict of a range of leaves; of several announcements the most favourable counts."""
        for leaf in range(first, min(last + 1, len(why))):
            why[leaf] = max(why[leaf], verdict)


def _pairs(ranges: object) -> Iterator[tuple[int, int]]:
    """Yield the pairs of numbers; anything else was not written by the portal, and allows no removal."""
    for pair in ranges if isinstance(ranges, list) else ():
        if isinstance(pair, list) and len(pair) == 2 and all(type(one) is int for one in pair):
            yield pair[0], pair[1]


def format_event_time(at: datetime) -> str:
    """Return an instant in the format of event texts, so that the texts can be compared."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}+00:00"
