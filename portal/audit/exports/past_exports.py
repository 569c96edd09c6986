"""The size of an export that may be started, and the state of a user's earlier exports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from portal.audit.event_filters import EventFilters
from portal.audit.exports.progress import Progress, get_running_exports
from portal.audit.models import Event

_COUNTED = 10_000
_SHOWN = 10
_PATIENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class ExportSize:
    """The number of matching events: `least` and `most` are equal if it is known exactly."""

    least: int
    most: int

    @property
    def known(self) -> bool:
        return self.least == self.most


def estimate_size(filters: EventFilters) -> ExportSize:
    """Count the matching events up to 10,000.

    Beyond that, `most` comes from the ids of the first and the last event of the time range.
    """
    matching = Event.objects.matching(filters)
    least = len(matching.order_by("-id").values_list("pk")[: _COUNTED + 1])
    if least <= _COUNTED:
        return ExportSize(least, least)
    span = Event.objects.matching(EventFilters(since=filters.since, until=filters.until)).order_by("at", "id")
    ends = [span.values_list("pk", flat=True).first(), span.reverse().values_list("pk", flat=True).first()]
    return ExportSize(_COUNTED, max(_COUNTED, 1 + abs((ends[1] or 0) - (ends[0] or 0))))


@dataclass(frozen=True)
class PastExport:
    """A recorded export. `state` is running, complete, broken, or unended: neither its end nor its progress is known.

    `rows` were sent so far; `all` is the number of all rows, if the export is running and the number is known.
    """

    event: int
    at: datetime
    format: str
    filters: str
    state: str
    rows: int | None
    all: int | None = None


def list_user_exports(username: str) -> list[PastExport]:
    """Return the newest exports of a user, as the log records them, with their progress. Three queries."""
    begun = list(Event.objects.filter(actor=username, action="audit.exported")[:_SHOWN])
    since = min((event.pk for event in begun), default=0)
    ends = Event.objects.filter(actor=username, action="audit.export_ended", pk__gt=since) if begun else []
    ended = {event.entry.data.get("export"): event.entry.data for event in ends if event.entry}
    running = get_running_exports([event.pk for event in begun if event.pk not in ended])
    return [_past(event, ended.get(event.pk), running.get(event.pk)) for event in begun if event.entry]


def _past(begun: Event, end: dict[str, object] | None, progress: Progress | None) -> PastExport:
    entry = begun.entry
    if entry is None:
        raise ValueError("an export without an entry")
    if end is None:
        state = "running" if progress or timezone.now() - entry.at < _PATIENCE else "unended"
    else:
        state = "complete" if end.get("complete") is True else "broken"
    rows = end.get("rows") if end else progress.rows if progress else None
    asked = entry.data.get("filters")
    said = ", ".join(f"{name} {text}" for name, text in asked.items()) if isinstance(asked, dict) else ""
    shown = rows if isinstance(rows, int) else None
    every = progress.all if progress else None
    return PastExport(begun.pk, entry.at, str(entry.data.get("format", "")), said, state, shown, every)
