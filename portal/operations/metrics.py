"""Metrics for Prometheus, computed when scraped: from rows, from the broker, and from counts of the web processes.

Every replica reports the same for rows and broker, so it does not matter which is scraped; figures of traffic are the
replica's own. Queries are bounded: open changes, ends of indexes, counts up to MOST.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import Error as DatabaseError
from django.db.models import Count, Min, Q, QuerySet
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.audit.models import UnsealedEvent
from portal.audit.sealing.status import get_seal_status as log_standing
from portal.audit.sealing.status import oldest_waiting
from portal.catalog.sync_status import get_sync_status as catalogue_standing
from portal.changes.delivery.circuit_breaker import current_pause
from portal.changes.models import OPEN, Change, CircuitBreaker, Status
from portal.changes.transitions import db_now
from portal.notifications.models import Notification, PendingEvent
from portal.operations import event_counters, heartbeats, traffic_metrics

MOST = 10_000
"""Upper limit of counts of waiting rows: a larger number would tell nothing new."""
_SINCE = {Status.PENDING: "created_at", Status.APPROVED: "queued_at", Status.IN_DOUBT: "in_doubt_since"}
"""Column with the start of the wait, by status; `status_since` for other statuses."""


def render_metrics() -> bytes:
    """Return the metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Rows())
    return generate_latest(registry) + generate_latest(traffic_metrics.build_registry())


class _Rows(Collector):
    """Collector of metrics from rows and broker. Without the database it reports that, and the broker's metrics."""

    def collect(self) -> Iterable[Metric]:
        told = [*_broker()]
        try:
            now = db_now()
            for part in (_changes, _delivery, _log, _notices, _catalogue, _counted):
                told += part(now)
            up = True
        except DatabaseError:
            up = False
        return [*told, _gauge("database_up", "Whether the database answered this scrape.", up)]


def _broker() -> Iterator[Metric]:
    now = heartbeats.read_broker_status()
    yield _gauge("broker_up", "Whether Redis answered this scrape.", float(now.reachable))
    queues = _labelled("queue_messages", "Messages that wait, by queue; they are reminders.", "queue", now.depths)
    serving = {queue: [worker for worker in now.workers if queue in worker.queues] for queue in now.depths}
    alive = {queue: sum(not worker.silent for worker in workers) for queue, workers in serving.items()}
    yield queues
    if now.reachable:
        discarded = CounterMetricFamily(
            "countersign_messages_discarded", "Messages that were thrown away as none, by reason.", labels=["reason"]
        )
        for reason, count in now.discarded.items():
            discarded.add_metric([reason], count)
        yield discarded
    yield _labelled("workers", "Workers that take up what they are asked, by queue.", "queue", alive)
    if now.reachable:
        yield _gauge("swept_timestamp_seconds", "When a sweep began last; 0 for never.", _stamp(now.swept_at))


def _changes(now: datetime) -> Iterator[Metric]:
    first = {name: Min(name) for name in ("created_at", "queued_at", "in_doubt_since", "status_since")}
    rows = Change.objects.filter(status__in=OPEN).order_by().values("status").annotate(amount=Count("pk"), **first)
    found: dict[str, Any] = {row["status"]: row for row in rows}
    number = {str(status): found[status]["amount"] if status in found else 0 for status in OPEN}
    oldest = {status: _age(row[_SINCE.get(Status(status), "status_since")], now) for status, row in found.items()}
    yield _labelled("changes", "Open changes, by status.", "status", number)
    yield _labelled("oldest_change_seconds", "How long the oldest of them waits.", "status", {**_none(OPEN), **oldest})
    leased = Change.objects.filter(status__in=(Status.SENDING, Status.IN_DOUBT), lease_until__isnull=False)
    leases = leased.aggregate(
        held=Count("pk", filter=Q(lease_until__gt=now)), expired=Count("pk", filter=Q(lease_until__lte=now))
    )
    yield _labelled(
        "leases", "Deliveries that workers hold, and those whose worker let the time pass.", "state", leases
    )


def _delivery(_now: datetime) -> Iterator[Metric]:
    paused = current_pause()
    causes = {
        "calls": bool(paused and paused.opened_at),
        "person": bool(paused and paused.paused_at),
    }
    yield _labelled("delivery_paused", "Whether delivery is paused: calls fail, or a person did it.", "by", causes)
    failures = CircuitBreaker.objects.values_list("failures", flat=True).first() or 0
    yield _gauge("delivery_failures", "Calls in a row that did not get through; five of them pause delivery.", failures)


def _log(now: datetime) -> Iterator[Metric]:
    log = log_standing()
    yield from _waiting(UnsealedEvent.objects.all(), now, "log_unsealed", "Events that are not sealed")
    yield _gauge("log_sealed_events", "Leaves of the sealed log.", log.checkpoint.size if log.checkpoint else 0)
    yield _gauge(
        "log_verified_timestamp_seconds",
        "When the log was verified last; 0 for never.",
        _stamp(log.verified.at if log.verified else None),
    )
    yield _gauge("log_altered", "Whether that verification found anything.", bool(log.verified) and not log.intact)


def _notices(now: datetime) -> Iterator[Metric]:
    yield from _waiting(PendingEvent.objects.all(), now, "notifications_pending", "Events nobody was told of yet")
    due = Notification.objects.filter(mail_at__lte=now).order_by("mail_at")
    yield _gauge("mails_due", "Notices that should have been mailed.", due[:MOST].count())
    yield _gauge("mails_lag_seconds", "How long the first of them is due.", _age(_first(due, "mail_at"), now))


def _catalogue(_now: datetime) -> Iterator[Metric]:
    now = catalogue_standing()
    yield _gauge(
        "catalog_read_timestamp_seconds",
        "When Segura's list was read last; 0 for never.",
        _stamp(now.good.finished_at if now.good else None),
    )
    yield _gauge("catalog_failing", "Whether the last reading of it failed.", now.failed)


def _counted(_now: datetime) -> Iterator[Metric]:
    counts = event_counters.count_events()
    for series, labels, said in (
        ("events", ("action",), "Events of the log, by kind."),
        ("attempts", ("outcome", "code"), "Updates sent to Segura, by what is known of them and HTTP status."),
        ("vault_exchanges", ("call", "code"), "Exchanges with Segura, by kind and HTTP status."),
    ):
        family = CounterMetricFamily(f"countersign_{series}", said, labels=labels)
        for values, value in counts.get(series, {}).items():
            family.add_metric(values, value)
        yield family
    yield _histogram(counts.get("seconds", {}))
    yield _gauge(
        "log_uncounted_events",
        "Ids of the log that the counters above do not hold yet.",
        event_counters.count_uncounted(),
    )


def _histogram(counts: dict[tuple[str, ...], float]) -> Metric:
    family = HistogramMetricFamily(
        "countersign_vault_exchange_seconds", "How long exchanges with Segura took.", labels=["call"]
    )
    for call in sorted({labels[0] for labels in counts}):
        buckets, total = [], 0.0
        for bound in (*map(str, event_counters.BUCKETS), "+Inf"):
            total += counts.get((call, bound), 0)
            buckets.append((bound, total))
        family.add_metric([call], buckets, counts.get((call, "sum"), 0))
    return family


def _waiting(
    rows: QuerySet[UnsealedEvent] | QuerySet[PendingEvent], now: datetime, name: str, said: str
) -> Iterator[Metric]:
    """Return metrics of rows that each refer to an event: how many wait, and how long the oldest has waited."""
    since = next((at for (at,) in oldest_waiting(rows)), None)
    yield _gauge(f"{name}_events", f"{said}.", rows[:MOST].count())
    yield _gauge(f"{name}_lag_seconds", f"{said}: how long the first of them waits.", _age(since, now))


def _first(rows: QuerySet[Notification], column: str) -> datetime | None:
    return rows.values_list(column, flat=True).first()


def _gauge(name: str, said: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(f"countersign_{name}", said)
    if value is not None:
        family.add_metric([], float(value))
    return family


def _labelled(name: str, said: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"countersign_{name}", said, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family


def _none(statuses: Iterable[Status]) -> dict[str, float]:
    return {str(status): 0.0 for status in statuses}


def _age(at: datetime | None, now: datetime) -> float:
    """Return the age in seconds; 0 if nothing waits, or if it came at this moment."""
    return max(0.0, (now - at).total_seconds()) if at else 0.0


def _stamp(at: datetime | None) -> float:
    """Return a Unix timestamp; 0 for never, since an alert on a missing series would never fire."""
    return at.timestamp() if at else 0.0
