"""Celery's door to the running of the portal: each worker is asked again and again whether it hears (B7)."""

from __future__ import annotations

import time
from typing import Any

from celery import signals
from celery.utils.nodenames import worker_direct
from celery.worker import state
from django.conf import settings
from kombu.exceptions import OperationalError

from portal.celery import app
from portal.operations.watchdog import Watchdog, start

_GRACE_S = 30.0


@app.task(name="operations.ping")
def ping() -> None:
    """Having been started is the answer."""


@signals.worker_ready.connect
def watch(sender: Any, **_: object) -> None:
    """From now on this worker's main process watches whether it takes up work."""
    queue = worker_direct(sender.hostname)

    def ask() -> None:
        try:
            # A connection of its own: one that is shared with the consumer would hang along with it.
            with app.connection_for_write() as connection:
                producer = app.amqp.Producer(connection)
                ping.apply_async(queue=queue, producer=producer, expires=settings.WORKER_DEAF_AFTER_S)
        except OperationalError as error:
            raise ConnectionError(str(error)) from None

    def busy() -> bool:
        processes: int = sender.pool.num_processes or 1
        return sum(map(_at_work, list(state.requests.values()))) >= processes

    start(Watchdog(ask=ask, taken_up=_taken_up, busy=busy, deaf_after_s=settings.WORKER_DEAF_AFTER_S))


def _taken_up() -> int:
    return int(state.all_total_count[0])


def _at_work(request: Any) -> bool:
    """Started, and within its time limit: a task that is past it would have been ended, had anybody noticed."""
    limit: float = request.time_limits[0] or request.task.time_limit or app.conf.task_time_limit
    return request.time_start is not None and time.time() - request.time_start < limit + _GRACE_S
