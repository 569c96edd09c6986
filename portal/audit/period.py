"""A period of the log, divided into days or weeks. All times are UTC, as in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from django.urls import reverse

_DAY = timedelta(days=1)
_BY_DAY = timedelta(days=31)
LONGEST = 366
"""Days in a period at most: reports count the events of the log itself."""


@dataclass(frozen=True)
class Period:
    """The time from `since`, included, to `until`, excluded; both are midnights."""

    since: datetime
    until: datetime

    @property
    def last(self) -> date:
        """The last day of the period."""
        return (self.until - _DAY).date()

    def parts(self) -> list[Period]:
        """Return the days of the period, or its weeks if it is longer than 31 days."""
        step = _DAY if self.until - self.since <= _BY_DAY else 7 * _DAY
        starts = [self.since]
        while starts[-1] + step < self.until:
            starts.append(starts[-1] + step)
        return [Period(start, min(start + step, self.until)) for start in starts]

    def log(self, **filters: object) -> str:
        """Return the URL of the log with the events of this period that match the filters."""
        return log_url(self.bounds() | filters)

    def bounds(self) -> dict[str, object]:
        """Return the period as filters of the log."""
        return {"since": f"{self.since:%Y-%m-%dT%H:%M}", "until": f"{self.until:%Y-%m-%dT%H:%M}"}


def log_url(filters: Mapping[str, object]) -> str:
    """Return the URL of the log with these filters."""
    return f"{reverse('audit:events')}?{urlencode(filters)}"


def period_between(first: date, last: date) -> Period:
    """Return the period from the first to the last day, both included."""
    return Period(_midnight(first), _midnight(last) + _DAY)


def last_days(number: int) -> Period:
    """Return the period of the last `number` days, today included."""
    today = datetime.now(UTC).date()
    return period_between(today - (number - 1) * _DAY, today)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
