"""The overview as tables that can also be drawn: each number as text, with its value and the URL of its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.audit import code_labels
from portal.audit.period import Period
from portal.audit.reports.overview import ANSWER, CLASSES, OUTCOMES, Durations, Overview, PeriodPart

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
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
    label: str
    cells: list[ChartCell]


@dataclass(frozen=True)
class Chart:
    """A chart. `kind` is stack (stacked numbers) or lines (durations in seconds)."""

    name: str
    kind: str
    title: str
    about: str
    columns: list[Series]
    lines: list[ChartRow]
    total: ChartRow


def build_charts(seen: Overview) -> list[Chart]:
    """Return the charts of responses, outcomes and both waiting times, with a row for each part of the period."""
    answers = [name for name in CLASSES if seen.whole.answers[name]] or ["2xx"]
    outcomes = [name for name in OUTCOMES if seen.whole.outcomes[name]] or ["change.applied"]
    return [
        _chart(
            ("answers", "stack"),
            (_("Answers to updates"), _("What Segura answered when Countersign delivered a change.")),
            [Series(str(_CLASSES[name]), _TONES[name]) for name in answers],
            seen,
            lambda part: [_number(part.answers[name], part.period, kind=ANSWER, code=name) for name in answers],
        ),
        _chart(
            ("outcomes", "stack"),
            (_("Where changes went"), _("Each time a change came to one of these states.")),
            [Series(capfirst(code_labels.code_label(_STATES[name][0])), _STATES[name][1]) for name in outcomes],
            seen,
            lambda part: [_number(part.outcomes[name], part.period, kind=name) for name in outcomes],
        ),
        _chart(
            ("lead", "lines"),
            (_("From submit to applied"), _("Of the changes applied in this time.")),
            _waits(),
            seen,
            lambda part: _durations(part.lead, part.period, kind="change.applied"),
        ),
        _chart(
            ("first-vote", "lines"),
            (_("From submit to the first vote"), _("Of the changes submitted in this time that have a vote.")),
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
    what: tuple[str, str],
    said: tuple[str, str],
    columns: list[Series],
    seen: Overview,
    cells: Callable[[PeriodPart], list[ChartCell]],
) -> Chart:
    lines = [ChartRow(_label(part.period), cells(part)) for part in seen.parts]
    return Chart(*what, *said, columns, lines, ChartRow(_("All of it"), cells(seen.whole)))


def _waits() -> list[Series]:
    return [Series(_("Changes"), ""), Series(_("Median"), "accent"), Series(_("Nine in ten within"), "warn")]


def _durations(waited: Durations, period: Period, **filters: str) -> list[ChartCell]:
    address = period.log(**filters)
    texts = [
        ChartCell(format_duration(seconds), None if seconds is None else round(seconds, 1), address)
        for seconds in (waited.median, waited.slowest_tenth)
    ]
    return [_number(waited.number, period, **filters), *texts]


def _number(number: int, period: Period, **filters: str) -> ChartCell:
    return ChartCell(number_format(number, force_grouping=True), number, period.log(**filters))


def _label(period: Period) -> str:
    first, last = date_format(period.since, "DATE_FORMAT"), date_format(period.last, "DATE_FORMAT")
    return first if first == last else f"{first} – {last}"  # noqa: RUF001 - from one day to another
