"""A stretch of the log, cut into days or weeks. Everything is UTC, as in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from django.urls import reverse

_DAY = timedelta(days=1)
_BY_DAY = timedelta(days=31)
LONGEST = 366
"""Days. What is counted is read from the log itself, so it has to have an end."""


@dataclass(frozen=True)
class Period:
    """From `since` on, up to but without `until`; both are midnights."""

    since: datetime
    until: datetime

    @property
    def last(self) -> date:
        """Its last day."""
        return (self.until - _DAY).date()

    def parts(self) -> list[Period]:
        """Its days, or its weeks where there are more than a month of days."""
        step = _DAY if self.until - self.since <= _BY_DAY else 7 * _DAY
        starts = [self.since]
        while starts[-1] + step < self.until:
            starts.append(starts[-1] + step)
        return [Period(start, min(start + step, self.until)) for start in starts]

    def log(self, **filters: object) -> str:
        """The address of the log with the rows of this time that meet the filters."""
        return log_url(self.bounds() | filters)

    def bounds(self) -> dict[str, object]:
        """As the log's own filters."""
        return {"since": f"{self.since:%Y-%m-%dT%H:%M}", "until": f"{self.until:%Y-%m-%dT%H:%M}"}


def log_url(filters: Mapping[str, object]) -> str:
    """The address of the log under these filters."""
    return f"{reverse('audit:events')}?{urlencode(filters)}"


def period_between(first: date, last: date) -> Period:
    """The period from a first to a last day, both included."""
    return Period(_midnight(first), _midnight(last) + _DAY)


def last_days(number: int) -> Period:
    """Today and the days before it, `number` in all."""
    today = datetime.now(UTC).date()
    return period_between(today - (number - 1) * _DAY, today)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
