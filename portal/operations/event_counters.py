"""Counters out of the log, for metrics: each event is counted once, by whichever process is asked next.

What workers do is in the log anyway, so they count nothing while they deliver; and a counter that rests in the
database neither falls when a process restarts nor differs from one process to the next.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import takewhile

from django.db.models import Max, Q

from portal.audit.entry import Entry
from portal.audit.models import Event
from portal.changes.transitions import db_now
from portal.operations.models import Tally

BATCH = 20_000
"""Events one scrape counts at most, some 0.3 s of work: a backlog is counted off in several."""
SETTLED = timedelta(seconds=10)
"""Ids are given out before they are committed. So long ago there is none to come any more: transactions are short."""
AHEAD = timedelta(hours=1)
"""No event is of the future. One that says so was forged, which verification tells, and must not stop the count."""
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 65.0)
"""Seconds; the last is a worker's whole patience by default."""
_GAP = "|"


def count_events() -> dict[str, dict[tuple[str, ...], float]]:
    """By series and labels what has happened since the first time anybody asked: see _lines for which there are."""
    read: dict[str, dict[tuple[str, ...], float]] = {}
    for line, value in _advanced(db_now() - SETTLED).items():
        series, *labels = line.split(_GAP)
        read.setdefault(series, {})[tuple(labels)] = value
    return read


def count_uncounted() -> int:
    """How many ids of the log are not counted yet."""
    newest: int = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return max(0, newest - (Tally.objects.values_list("counted", flat=True).first() or 0))


def _advanced(settled: datetime) -> dict[str, float]:
    newest: int = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    # A log that is older than its first scrape is not counted anew: rates would show years of work in one minute.
    tally, _new = Tally.objects.get_or_create(pk=1, defaults={"counted": newest})
    recent = Q(at__range=(settled, settled + AHEAD))  # asked of the database: a forged instant may be unreadable here
    ahead = Event.objects.filter(pk__gt=tally.counted).annotate(recent=recent).order_by("pk")[:BATCH]
    events = list(takewhile(lambda event: not event.recent, ahead))  # type: ignore[attr-defined]
    found = Counter(tally.counts)
    for event in events:
        found.update(_lines(event))
    as_seen = Tally.objects.filter(pk=1, counted=tally.counted)
    if events and not as_seen.update(counted=events[-1].pk, counts=dict(found)):
        tally.refresh_from_db()  # another process has counted them in the same moment
        return dict(tally.counts)
    return dict(found)


def _lines(event: Event) -> Counter[str]:
    """What one event adds: to its action, and an answer of Segura's to its code and its time."""
    lines: Counter[str] = Counter({f"events|{event.action}": 1})
    entry = event.entry if event.action.startswith(("vault.", "delivery.answered")) else None
    if entry is None:
        return lines
    code = str(entry.code or "none")
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
    """Which of the five calls it was (contract 3, 5 and 10)."""
    method, path = entry.data.get("method"), str(entry.data.get("path", ""))
    if method != "GET":
        return "update" if method == "PUT" else "token"
    if "/scim/" in path:
        return "directory"
    return "read" if path.rpartition("/")[2].isdigit() else "list"
