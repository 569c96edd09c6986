"""The overview as tables that can also be drawn: each number as text, with its value and the URL of its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.audit import code_labels
from portal.audit.period import Period
from portal.audit.reports.breakdown import REQUESTER_COLUMNS, SECRET_COLUMNS, Breakdown
from portal.audit.reports.exceptions import EXCEPTIONS
from portal.audit.reports.overview import ANSWER, CLASSES, OUTCOMES, Durations, Overview, PeriodPart

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_WHOLE_DAY = timedelta(days=1)
_CLASSES: Mapping[str, str | Promise] = {
    "2xx": gettext_lazy("2xx carried out"),
    "3xx": gettext_lazy("3xx sent elsewhere"),
    "4xx": gettext_lazy("4xx refused"),
    "5xx": gettext_lazy("5xx broken"),
    "none": gettext_lazy("no answer"),
}
_TONES = {"2xx": "good", "3xx": "calm", "4xx": "warn", "5xx": "bad", "none": "doubt"}
_STATES = {
    "change.applied": ("applied", "good"),
    "change.failed": ("failed", "bad"),
    "change.rejected": ("rejected", "warn"),
    "change.stale": ("stale", "calm"),
    "change.expired": ("expired", "calm"),
    "change.withdrawn": ("withdrawn", "calm"),
    "change.in_doubt": ("in_doubt", "doubt"),
    "change.escalated": ("needs_attention", "doubt"),
}
_TEXTS: Mapping[str, tuple[str | Promise, str | Promise, str | Promise]] = {
    "answers": (
        gettext_lazy("Segura responses"),
        gettext_lazy("What Segura answered when Countersign delivered a change."),
        gettext_lazy("Countersign made no call to change a secret in this period."),
    ),
    "outcomes": (
        gettext_lazy("Outcomes"),
        gettext_lazy("Each time a change came to one of these states."),
        gettext_lazy("No change came to an outcome in this period."),
    ),
    "lead": (
        gettext_lazy("Time to apply"),
        gettext_lazy("From the proposal until applied. p90: nine in ten took no longer."),
        gettext_lazy("No change was applied in this period."),
    ),
    "first-vote": (
        gettext_lazy("Time to first vote"),
        gettext_lazy("Of the changes proposed in this period that have a vote. p90: nine in ten took no longer."),
        gettext_lazy("No change that was proposed in this period has a vote."),
    ),
}
"""Title, explanation, and the sentence that is shown without data, of each chart."""
_COLUMNS: Mapping[str, str | Promise] = {
    "change.submitted": gettext_lazy("Proposed"),
    "change.revised": gettext_lazy("Revised"),
    "change.approved": gettext_lazy("Approved"),
    "change.applied": gettext_lazy("Applied"),
    "change.failed": gettext_lazy("Failed"),
    "change.in_doubt": gettext_lazy("Outcome unknown"),
    "change.withdrawn": gettext_lazy("Withdrawn"),
    "vote.refused": gettext_lazy("Votes refused"),
}
_EXCEPTIONS: Mapping[str, tuple[str | Promise, str]] = {
    "high_risk": (gettext_lazy("High-risk approvals"), "warn"),
    "refused_votes": (gettext_lazy("Votes refused"), "warn"),
    "self_approvals": (gettext_lazy("Self-approval attempts"), "bad"),
    "resolved": (gettext_lazy("Resolved manually"), "warn"),
    "unverified": (gettext_lazy("Applied, not read back"), "doubt"),
    "pauses": (gettext_lazy("Pauses of delivery"), "warn"),
    "outside_edits": (gettext_lazy("Stopped by an outside edit"), "warn"),
}


@dataclass(frozen=True)
class Series:
    """A series. `tone` is its colour: good, warn, bad, doubt, calm or accent; the pattern depends on its position."""

    label: str
    tone: str


@dataclass(frozen=True)
class ChartCell:
    """A cell. `value` is what is drawn, None for nothing; `address` is the URL of its events in the log."""

    text: str
    value: float | None
    address: str


@dataclass(frozen=True)
class ChartRow:
    """A row. `tick` is its short name below the axis of a chart, `address` the URL of what it is about, if any."""

    label: str
    cells: list[ChartCell]
    tick: str = ""
    address: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart. `kind` is stack (stacked numbers) or lines (durations in seconds); `empty` is shown without data."""

    name: str
    kind: str
    title: str
    about: str
    empty: str
    columns: list[Series]
    lines: list[ChartRow]
    total: ChartRow

    @property
    def has_data(self) -> bool:
        """True if anything was counted in the whole period."""
        return any(cell.value for cell in self.total.cells)


@dataclass(frozen=True)
class NumberTable:
    """A table without a picture: one row for each secret or requester; `has_more` if only the first ten are shown."""

    name: str
    title: str
    head: str
    columns: list[str]
    lines: list[ChartRow]
    has_more: bool


def build_charts(seen: Overview) -> list[Chart]:
    """Return the charts of responses, outcomes and both waiting times, with a row for each part of the period."""
    answers = [name for name in CLASSES if seen.whole.answers[name]]
    outcomes = [name for name in OUTCOMES if seen.whole.outcomes[name]]
    return [
        _chart(
            ("answers", "stack"),
            [Series(str(_CLASSES[name]), _TONES[name]) for name in answers],
            seen,
            lambda part: [_number(part.answers[name], part.period, kind=ANSWER, code=name) for name in answers],
        ),
        _chart(
            ("outcomes", "stack"),
            [Series(capfirst(code_labels.code_label(_STATES[name][0])), _STATES[name][1]) for name in outcomes],
            seen,
            lambda part: [_number(part.outcomes[name], part.period, kind=name) for name in outcomes],
        ),
        _chart(
            ("lead", "lines"),
            _waits(),
            seen,
            lambda part: _durations(part.lead, part.period, kind="change.applied"),
        ),
        _chart(
            ("first-vote", "lines"),
            _waits(),
            seen,
            lambda part: _durations(part.first_vote, part.period, only="voted"),
        ),
    ]


def build_tiles(seen: Overview) -> list[tuple[Series, ChartCell]]:
    """Return the number of each outcome in the whole period, also of those that did not occur."""
    whole = seen.whole
    return [
        (
            Series(
                capfirst(code_labels.code_label(_STATES[name][0])), _STATES[name][1] if whole.outcomes[name] else ""
            ),
            _number(whole.outcomes[name], whole.period, kind=name),
        )
        for name, (state, tone) in _STATES.items()
        if name != "change.in_doubt"
    ]


def build_waits(seen: Overview) -> list[tuple[str, ChartCell, ChartCell]]:
    """Return both waiting times of the whole period: label, median with the URL of its events, and p90."""
    whole = seen.whole
    lead = _durations(whole.lead, whole.period, kind="change.applied")
    first_vote = _durations(whole.first_vote, whole.period, only="voted")
    return [
        (_("Time to apply, median"), lead[1], lead[2]),
        (_("Time to first vote, median"), first_vote[1], first_vote[2]),
    ]


def build_exceptions(seen: Overview) -> list[tuple[Series, ChartCell]]:
    """Return the number of each exception in the whole period, also of those that did not occur."""
    tiles = []
    for name, filters in EXCEPTIONS.items():
        number, (label, tone) = seen.exceptions[name], _EXCEPTIONS[name]
        tiles.append((Series(str(label), tone if number else ""), _number(number, seen.whole.period, **filters)))
    return tiles


def build_breakdowns(secrets: Breakdown, requesters: Breakdown, period: Period) -> list[NumberTable]:
    """Return the secrets and the requesters with the most proposals, each number with the URL of its events."""
    return [
        _breakdown_table(
            ("by-secret", _("By secret"), _("Secret")), (secrets, SECRET_COLUMNS, "secret", "audit:secret"), period
        ),
        _breakdown_table(
            ("by-requester", _("By requester"), _("Requester")),
            (requesters, REQUESTER_COLUMNS, "person", "audit:person"),
            period,
        ),
    ]


def _breakdown_table(
    said: tuple[str, str, str], counted: tuple[Breakdown, tuple[str, ...], str, str], period: Period
) -> NumberTable:
    breakdown, kinds, field, view = counted
    lines = [
        ChartRow(
            row.label,
            [_number(n, period, kind=kind, **{field: row.key}) for kind, n in zip(kinds, row.numbers, strict=True)],
            address=reverse(view, args=[row.key]),
        )
        for row in breakdown.rows
    ]
    return NumberTable(*said, [str(_COLUMNS[kind]) for kind in kinds], lines, breakdown.has_more)


def format_duration(seconds: float | None) -> str:
    """Return a duration in a fitting unit; a dash for None."""
    if seconds is None:
        return "\N{EN DASH}"
    if seconds < _MINUTE:
        return _("%s s") % number_format(seconds, 0)
    if seconds < _HOUR:
        return _("%d min") % (seconds // _MINUTE)
    if seconds < 2 * _DAY:
        return _("%s h") % number_format(seconds / _HOUR, 1)
    return _("%s d") % number_format(seconds / _DAY, 1)


def _chart(
    what: tuple[str, str], columns: list[Series], seen: Overview, cells: Callable[[PeriodPart], list[ChartCell]]
) -> Chart:
    lines = [ChartRow(_label(part.period), cells(part), _tick(part.period)) for part in seen.parts]
    title, about, empty = map(str, _TEXTS[what[0]])
    return Chart(*what, title, about, empty, columns, lines, ChartRow(_("Total"), cells(seen.whole)))


def _waits() -> list[Series]:
    return [Series(_("Changes"), ""), Series(_("Median"), "accent"), Series(_("p90"), "warn")]


def _durations(waited: Durations, period: Period, **filters: str) -> list[ChartCell]:
    address = period.log(**filters)
    texts = [
        ChartCell(format_duration(seconds), None if seconds is None else round(seconds, 1), address)
        for seconds in (waited.median, waited.p90)
    ]
    return [_number(waited.number, period, **filters), *texts]


def _number(number: int, period: Period, **filters: str) -> ChartCell:
    return ChartCell(number_format(number, force_grouping=True), number, period.log(**filters))


def _label(period: Period) -> str:
    first, last = date_format(period.since, "DATE_FORMAT"), date_format(period.last, "DATE_FORMAT")
    if period.until - period.since < _WHOLE_DAY:
        return f"{first} {period.since:%H:%M}"
    return first if first == last else f"{first} – {last}"  # noqa: RUF001 - from one day to another


def _tick(period: Period) -> str:
    """Return the hour of an hour, the day of a day, and the first day of a week."""
    if period.until - period.since < _WHOLE_DAY:
        return f"{period.since:%H:%M}"
    return date_format(period.since, "MONTH_DAY_FORMAT")
