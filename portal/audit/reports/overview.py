"""Overview of a period in numbers, counted from the columns of the events.

The hashed texts are not read: verification of the log establishes that they agree with the columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median, quantiles

from django.db.models import Case, Count, DateTimeField, OuterRef, Q, Subquery, When
from django.db.models.functions import Trunc

from portal.audit.models import Event, EventQuerySet
from portal.audit.period import SHORT, Period
from portal.audit.reports.exceptions import ACTIONS, EXCEPTIONS, is_counted, text_search

OUTCOMES = (
    "change.applied",
    "change.failed",
    "change.rejected",
    "change.stale",
    "change.expired",
    "change.withdrawn",
    "change.in_doubt",
    "change.escalated",
)
ANSWER = "delivery.answered"
_SENT, _SUBMITTED, _APPROVED = "delivery.intended", "change.submitted", "change.approved"
_APPLIED = "change.applied"
CLASSES = {
    "2xx": range(200, 300),
    "3xx": range(300, 400),
    "4xx": range(400, 500),
    "5xx": range(500, 600),
    "none": (None,),
}
"""Classes of responses to an update, named as in the filter of the log."""


@dataclass(frozen=True)
class Durations:
    """Statistics of durations in seconds; None if nothing was measured."""

    number: int = 0
    median: float | None = None
    p90: float | None = None

    @classmethod
    def of(cls, seconds: list[float]) -> Durations:
        if not seconds:
            return cls()
        slow = quantiles(seconds, n=10, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
        return cls(len(seconds), median(seconds), slow)


@dataclass(frozen=True)
class PeriodPart:
    """The numbers of an hour, a day, a week, or the whole period."""

    period: Period
    answers: dict[str, int]
    outcomes: dict[str, int]
    submitted: int
    approved: int
    lead: Durations
    first_vote: Durations


@dataclass(frozen=True)
class Overview:
    """Overview. `sent` counts changes, `doubted` those that became in doubt; `calls` and `unapproved` count calls.

    `open_doubt` counts the changes whose outcome is unknown now, of whatever period. `exceptions` has the number of
    each of EXCEPTIONS.
    """

    whole: PeriodPart
    parts: list[PeriodPart]
    exceptions: dict[str, int]
    sent: int
    doubted: int
    calls: int
    unapproved: int
    open_doubt: int

    @property
    def doubted_share(self) -> float:
        """The share of the sent changes that became in doubt, between 0 and 1."""
        return self.doubted / self.sent if self.sent else 0.0

    @property
    def is_empty(self) -> bool:
        """True if nothing that the overview counts happened in the period, and no outcome is unknown now."""
        whole = self.whole
        numbers = (whole.submitted, whole.approved, self.calls, self.open_doubt, *self.exceptions.values())
        return not any((*numbers, *whole.outcomes.values(), *whole.answers.values()))


def build_overview(period: Period, *, narrow: bool = False) -> Overview:
    """Build the overview with three queries, each limited by the index of the counted actions.

    `narrow`: leave out the time before the first event of the log.
    """
    found, now = Event.objects.during(period.since, period.until), datetime.now(UTC)
    first, counts = _count_events(found, period, now)
    waits = _waits(found)
    if narrow:
        period = period.narrowed(first, now)
    return Overview(
        whole=_part(period, counts, waits),
        parts=[_part(part, counts, waits) for part in period.parts()],
        exceptions=_exceptions(counts),
        **_calls(found, period),
    )


_Counts = list[tuple[datetime, str, int | None, str, int]]
_Waits = list[tuple[str, datetime, datetime]]


def _count_events(found: EventQuerySet, period: Period, now: datetime) -> tuple[datetime | None, _Counts]:
    """Return the time of the log's first event, and (start, action, HTTP status, text_search(), number) of the counted.

    They are counted by hour if the period, or what is left of it after narrowing, has hours; else by day.
    """
    hour, day = Trunc("at", "hour", tzinfo=UTC), Trunc("at", "day", tzinfo=UTC)
    recent = When(at__gte=now - SHORT, then=hour)
    # Only a forged event is dated before 2000, and Python cannot represent every such instant.
    first = Event.objects.filter(at__gte=datetime(2000, 1, 1, tzinfo=UTC)).order_by("at").values("at")[:1]
    counted = found.filter(action__in=(*OUTCOMES, *ACTIONS, ANSWER, _SUBMITTED, _APPROVED)).annotate(
        begun=hour if period.has_hours else Case(recent, default=day), found_by=text_search()
    )
    grouped = counted.order_by().values_list("begun", "action", "http_status", "found_by")
    rows = list(grouped.annotate(Count("pk"), first=Subquery(first)))
    counts = [(begun.replace(tzinfo=UTC), what, code, by, times) for begun, what, code, by, times, _ in rows]
    return (rows[0][-1] if rows else None), counts


def _exceptions(counts: _Counts) -> dict[str, int]:
    """Return the number of each of EXCEPTIONS."""
    return {
        name: sum(times for _, action, _, found_by, times in counts if is_counted(filters, action, found_by))
        for name, filters in EXCEPTIONS.items()
    }


def _waits(found: EventQuerySet) -> _Waits:
    """Return (action, time of the event, time of the other event).

    The other event is the submission of an applied change, or the first vote on a submitted one.
    """
    same = Event.objects.filter(change=OuterRef("change")).order_by("seq").values("at")
    other = Case(
        When(action=_APPLIED, then=Subquery(same.filter(action=_SUBMITTED)[:1])),
        default=Subquery(same.filter(action="vote.cast")[:1]),
        output_field=DateTimeField(),
    )
    rows = found.filter(action__in=(_APPLIED, _SUBMITTED)).annotate(other=other).exclude(other=None)
    return list(rows.order_by().values_list("action", "at", "other"))


def _calls(found: EventQuerySet, period: Period) -> dict[str, int]:
    """Return the numbers of changes sent and in doubt, then and now, of calls, and of unapproved calls."""
    counted = {
        name: Count("pk", filter=Q(pk__in=found.counted(name, period.since, period.until).values("pk")))
        for name in ("doubted", "unapproved")
    }
    sent, open_doubt = found.filter(action=_SENT), Event.objects.counted("open_doubt", None, None)
    both = sent.order_by().values("pk").union(open_doubt.order_by().values("pk"))
    calls = Q(action=_SENT)
    return Event.objects.filter(pk__in=both).aggregate(
        sent=Count("change", distinct=True, filter=calls),
        calls=Count("pk", filter=calls),
        open_doubt=Count("pk", filter=~calls),
        **counted,
    )


def _part(period: Period, counts: _Counts, waits: _Waits) -> PeriodPart:
    number: Counter[str] = Counter()
    answers = dict.fromkeys(CLASSES, 0)
    for begun, action, code, _, times in counts:
        if not period.since <= begun < period.until:
            continue
        number[action] += times
        for name, codes in CLASSES.items():
            answers[name] += times if action == ANSWER and code in codes else 0
    return PeriodPart(
        period,
        answers,
        {action: number[action] for action in OUTCOMES},
        number[_SUBMITTED],
        number[_APPROVED],
        lead=Durations.of([_between(other, at) for at, other in _of(waits, _APPLIED, period)]),
        first_vote=Durations.of([_between(at, other) for at, other in _of(waits, _SUBMITTED, period)]),
    )


def _of(waits: _Waits, action: str, period: Period) -> Iterable[tuple[datetime, datetime]]:
    return ((at, other) for what, at, other in waits if what == action and period.since <= at < period.until)


def _between(earlier: datetime, later: datetime) -> float:
    return (later - earlier).total_seconds()
