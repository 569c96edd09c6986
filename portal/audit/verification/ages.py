"""How old leaves were when their texts went: what the log itself proves, in the order of its leaves. Pure.

A text may go where three things stand in the log. A signed time (`audit.dated`) over a tree that already held its leaf,
as long before the removal as the retention in force asks for. The retention (`audit.retention_changed`), which is off
until an event says otherwise. And the announcement of the removal (`audit.pruned`), which is as old as it says, but
never younger than what was signed over it. Who owns the tables can write the last two; the first needs the log's key.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

LEAST_DAYS = 365
"""The shortest retention there is: settings refuse fewer days."""
SLACK = timedelta(minutes=10)
"""Longer than a transaction may be open and two clocks may differ: events stand in nearly the order of their dates."""
NEVER, OFF, YOUNG, OLD = range(4)
"""Why a text is gone: nothing announced it, retention was off, it was too young; or as it should be."""


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
        """The newest signed time."""
        return self._times[-1] if self._times else None

    def date(self, size: int, at: datetime) -> None:
        """A tree of this size was signed at this time, no earlier than the one before."""
        self._sizes.append(size)
        self._times.append(at)

    def retain(self, days: object) -> None:
        """From here on texts go after so many days; never, for what no setting can say."""
        self.days = days if isinstance(days, int) and days >= LEAST_DAYS else 0

    def announce(self, leaf: int, at: datetime, signed_at: datetime, ranges: object) -> None:
        """The event of this leaf says that the texts of `ranges` went; of leaves before it, for it knows no others."""
        known = [(max(first, 0), min(last, leaf - 1)) for first, last in _pairs(ranges)]
        self._announcements.append(_Announcement(leaf, min(at, signed_at), known, self.days))

    def miss(self, leaf: int) -> None:
        """The text of this leaf is not there."""
        if self._gone and self._gone[-1][1] == leaf - 1:
            self._gone[-1][1] = leaf
        else:
            self._gone.append([leaf, leaf])

    def verdicts(self) -> Iterator[tuple[int, int]]:
        """Each leaf whose text is not there, with why: NEVER, OFF, YOUNG or OLD. Takes a byte for each leaf."""
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
        """How many leaves were signed long enough before the announcement."""
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
        """The best that any announcement says counts."""
        for leaf in range(first, min(last + 1, len(why))):
            why[leaf] = max(why[leaf], verdict)


def _pairs(ranges: object) -> Iterator[tuple[int, int]]:
    """Pairs of numbers; anything else was not written by the portal, and excuses nothing."""
    for pair in ranges if isinstance(ranges, list) else ():
        if isinstance(pair, list) and len(pair) == 2 and all(type(one) is int for one in pair):
            yield pair[0], pair[1]


def format_event_time(at: datetime) -> str:
    """An instant as the texts of events say it, so that texts can be compared."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}+00:00"
