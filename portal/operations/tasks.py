"""Celery's door to the running of the portal: each worker is asked again and again whether it hears (B7)."""

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
def ping_worker(self: Task, serves: int = 0) -> None:  # type: ignore[type-arg]  # generic in the stubs alone
    """Having been started is the answer; the page for operators shows it. `serves`: a bit for each queue of ours."""
    queues = [name for place, name in enumerate(settings.CELERY_TASK_QUEUES) if serves >> place & 1]
    heartbeats.record_heartbeat(self.request.hostname or "", queues)


@app.task(name="operations.retire")
def run_retention() -> None:
    """What is past its retention goes, but for events of the log: `manage.py prune` alone may remove those."""
    for _ in retention.delete_expired_rows():
        pass


@signals.task_prerun.connect
def on_task_prerun(sender: Any, **_: object) -> None:
    """Scheduler, queue and a worker have worked together."""
    if sender.name == "changes.sweep":
        heartbeats.record_sweep()


@signals.worker_shutdown.connect
def on_worker_shutdown(sender: Any, **_: object) -> None:
    """A worker that ends as it should is not missed."""
    heartbeats.forget_worker(sender.hostname)


@signals.worker_ready.connect
def on_worker_init(**_: object) -> None:
    """Record the keys of the ring, which changes only with a start. The sealer has none, and leaves it to others."""
    if settings.HOLDS_KEYS:
        with suppress(DatabaseError):
            key_inventory.record_known_keys()


@signals.worker_ready.connect
def on_worker_ready(sender: Any, **_: object) -> None:
    """From now on this worker's main process watches whether it takes up work."""
    queue = worker_direct(sender.hostname)
    consumes = sender.app.amqp.queues.consume_from
    serves = sum(1 << place for place, name in enumerate(settings.CELERY_TASK_QUEUES) if name in consumes)

    def ask() -> None:
        try:
            # A connection of its own: one that is shared with the consumer would hang along with it.
            with app.connection_for_write() as connection:
                producer = app.amqp.Producer(connection)
                ping_worker.apply_async(
                    args=(serves,), queue=queue, producer=producer, expires=settings.WORKER_DEAF_AFTER_S
                )
        except OperationalError as error:
            raise ConnectionError(str(error)) from None

    def busy() -> bool:
        processes: int = sender.pool.num_processes or 1
        return sum(map(_at_work, list(state.requests.values()))) >= processes

    start_watchdog(Watchdog(ask=ask, taken_up=_taken_up, busy=busy, deaf_after_s=settings.WORKER_DEAF_AFTER_S))


def _taken_up() -> int:
    return int(state.all_total_count[0])


def _at_work(request: Any) -> bool:
    """Started, and within its time limit: a task that is past it would have been ended, had anybody noticed."""
    limit: float = request.time_limits[0] or request.task.time_limit or app.conf.task_time_limit
    return request.time_start is not None and time.time() - request.time_start < limit + _GRACE_S
