"""Celery tasks of operations: pings that show whether each worker takes up tasks (B7), and retention."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from celery import Task, signals
from celery.utils.nodenames import worker_direct
from celery.worker import state
from django.conf import settings
from django.db import DatabaseError
from kombu.exceptions import OperationalError

from portal.celery import app
from portal.operations import heartbeats, key_inventory, retention
from portal.operations.watchdog import Watchdog, start_watchdog

_GRACE_S = 30.0


@app.task(name="operations.ping", bind=True)
def ping_worker(self: Task, serves: int = 0) -> None:  # type: ignore[type-arg]  # generic in the stubs only
    """Record a heartbeat: this ping was started, so the worker takes up tasks. `serves`: a bit for each queue."""
    queues = [name for place, name in enumerate(settings.CELERY_TASK_QUEUES) if serves >> place & 1]
    heartbeats.record_heartbeat(self.request.hostname or "", queues)


@app.task(name="operations.retire")
def run_retention() -> None:
    """Delete rows past their retention, except audit events, which only `manage.py prune` may delete."""
    for _ in retention.delete_expired_rows():
        pass


@signals.task_prerun.connect
def on_task_prerun(sender: Any, **_: object) -> None:
    """Record the start of a sweep, which shows that scheduler, queue and a worker work together."""
    if sender.name == "changes.sweep":
        heartbeats.record_sweep()


@signals.worker_shutdown.connect
def on_worker_shutdown(sender: Any, **_: object) -> None:
    """Forget a worker that shuts down cleanly, so that it is not reported as lost."""
    heartbeats.forget_worker(sender.hostname)


@signals.worker_ready.connect
def record_keys_at_start(**_: object) -> None:
    """Record the keys of the ring, which changes only with a restart. The sealer has no ring and records nothing."""
    if settings.HOLDS_KEYS:
        with suppress(DatabaseError):
            key_inventory.record_known_keys()


@signals.worker_ready.connect
def on_worker_ready(sender: Any, **_: object) -> None:
    """Start the watchdog in this worker's main process."""
    queue = worker_direct(sender.hostname)
    consumes = sender.app.amqp.queues.consume_from
    serves = sum(1 << place for place, name in enumerate(settings.CELERY_TASK_QUEUES) if name in consumes)

    def ask() -> None:
        try:
            # A separate connection: one shared with the consumer would hang together with it.
            with app.connection_for_write() as connection:
                producer = app.amqp.Producer(connection)
                ping_worker.apply_async(
                    args=(serves,), queue=queue, producer=producer, expires=settings.WORKER_STUCK_AFTER_S
                )
        except OperationalError as error:
            raise ConnectionError(str(error)) from None

    def busy() -> bool:
        processes: int = sender.pool.num_processes or 1
        return sum(map(_at_work, list(state.requests.values()))) >= processes

    start_watchdog(Watchdog(ask=ask, taken_up=_taken_up, busy=busy, stuck_after_s=settings.WORKER_STUCK_AFTER_S))


def _taken_up() -> int:
    return int(state.all_total_count[0])


def _at_work(request: Any) -> bool:
    """Return whether the task runs within its time limit: beyond it the worker has failed to end the task."""
    limit: float = request.time_limits[0] or request.task.time_limit or app.conf.task_time_limit
    return request.time_start is not None and time.time() - request.time_start < limit + _GRACE_S
