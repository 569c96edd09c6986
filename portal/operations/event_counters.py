"""Counters of audit events for metrics: each event is counted once, by the process that is scraped next.

Workers already record in the log what they do, so they count nothing while they deliver; and a counter in the database
neither falls when a process restarts nor differs between processes.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import takewhile

from django.db.models import Max, Q

from portal.audit.entry import Entry
from portal.audit.models import Event
from portal.changes.transitions import db_now
from portal.operations.models import EventCounter

BATCH = 20_000
"""Most events that one scrape counts, about 0.3 s of work: a backlog takes several scrapes."""
SETTLED = timedelta(seconds=10)
"""Age from which no smaller id can still be committed: ids are assigned before the commit; transactions are short."""
AHEAD = timedelta(hours=1)
"""Events further ahead are forged, since none is of the future; verification reports them, and counting goes on."""
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 65.0)
"""Upper bounds in seconds; the last is a worker's default deadline for a call."""
_GAP = "|"


def count_events() -> dict[str, dict[tuple[str, ...], float]]:
    """Return, by series and labels, the counts since the first scrape; see _lines for the series."""
    read: dict[str, dict[tuple[str, ...], float]] = {}
    for line, value in _advanced(db_now() - SETTLED).items():
        series, *labels = line.split(_GAP)
        read.setdefault(series, {})[tuple(labels)] = value
    return read


def count_uncounted() -> int:
    """Return how many ids of the log are not counted yet."""
    newest: int = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return max(0, newest - (EventCounter.objects.values_list("counted", flat=True).first() or 0))


def _advanced(settled: datetime) -> dict[str, float]:
    newest: int = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    # A log older than its first scrape is not counted: rates would show years of work in one minute.
    tally, _new = EventCounter.objects.get_or_create(pk=1, defaults={"counted": newest})
    recent = Q(at__range=(settled, settled + AHEAD))  # in the database: Python may fail to read a forged timestamp
    ahead = Event.objects.filter(pk__gt=tally.counted).annotate(recent=recent).order_by("pk")[:BATCH]
    events = list(takewhile(lambda event: not event.recent, ahead))  # type: ignore[attr-defined]
    found = Counter(tally.counts)
    for event in events:
        found.update(_lines(event))
    as_seen = EventCounter.objects.filter(pk=1, counted=tally.counted)
    if events and not as_seen.update(counted=events[-1].pk, counts=dict(found)):
        tally.refresh_from_db()  # another process has counted them at the same time
        return dict(tally.counts)
    return dict(found)


def _lines(event: Event) -> Counter[str]:
    """Return the increments of one event: its action and, for a response of Segura, its HTTP status and duration."""
    lines: Counter[str] = Counter({f"events|{event.action}": 1})
    entry = event.entry if event.action.startswith(("vault.", "delivery.answered")) else None
    if entry is None:
        return lines
    code = str(entry.http_status or "none")
    if event.action == "delivery.answered":
        lines[f"attempts|{entry.data.get('outcome', '')}|{code}"] = 1
    elif event.action in ("vault.responded", "vault.unanswered"):
        call = _call(entry)
        seconds = int(entry.data.get("duration_ms") or 0) / 1000
        lines[f"vault_exchanges|{call}|{code}"] = 1
        lines[f"seconds|{call}|sum"] = seconds  # type: ignore[assignment]  # a Counter adds fractions all the same
        bucket = next((str(bound) for bound in BUCKETS if seconds <= bound), "+Inf")
        lines[f"seconds|{call}|{bucket}"] = 1
    return lines


def _call(entry: Entry) -> str:
    """Return the kind of the call, one of five (contract 3, 5 and 10)."""
    method, path = entry.data.get("method"), str(entry.data.get("path", ""))
    if method != "GET":
        return "update" if method == "PUT" else "token"
    if "/scim/" in path:
        return "directory"
    return "read" if path.rpartition("/")[2].isdigit() else "list"
