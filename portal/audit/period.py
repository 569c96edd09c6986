"""A period of the log, divided into hours, days or weeks. All times are UTC, as in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_BY_DAY = timedelta(days=31)
SHORT = timedelta(days=2)
"""The longest time that is divided into hours."""
LONGEST = 366
"""Days in a period at most: reports count the events of the log itself."""


@dataclass(frozen=True)
class Period:
    """The time from `since`, included, to `until`, excluded; both are whole hours, and midnights unless it is short."""

    since: datetime
    until: datetime

    @property
    def last(self) -> date:
        """The last day of the period."""
        return (self.until - _HOUR).date()

    @property
    def has_hours(self) -> bool:
        """True if the period is so short, two days at most, that its parts are hours."""
        return self.until - self.since <= SHORT

    @property
    def title(self) -> str:
        """The period as a heading, in the user's language."""
        first, last = date_format(self.since, "DATE_FORMAT"), date_format(self.last, "DATE_FORMAT")
        if self.since.hour or self.until.hour:
            day = "" if first == last else f"{date_format(self.until, 'DATE_FORMAT')} "
            first, last = f"{first} {self.since:%H:%M}", f"{day}{self.until:%H:%M}"
        elif first == last:
            return _("%(day)s, UTC") % {"day": first}
        return _("%(first)s to %(last)s, UTC") % {"first": first, "last": last}

    def parts(self) -> list[Period]:
        """Return the hours of the period if it has_hours, its weeks if it is longer than 31 days, else its days."""
        step = _HOUR if self.has_hours else _DAY if self.until - self.since <= _BY_DAY else 7 * _DAY
        starts = [self.since]
        while starts[-1] + step < self.until:
            starts.append(starts[-1] + step)
        return [Period(start, min(start + step, self.until)) for start in starts]

    def narrowed(self, first: datetime | None, now: datetime) -> Period:
        """Return the part of the period from `first`, the beginning of the log, on; None for an empty log.

        If at most two days are left, they end with the present hour, so that a chart shows no hours to come.
        """
        if first is None or not self.since < first < self.until:
            return self
        begin, end = _full_hour(first), min(self.until, _full_hour(now) + _HOUR)
        return Period(begin, end) if begin < end <= begin + SHORT else Period(_midnight(first.date()), self.until)

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


def _full_hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
