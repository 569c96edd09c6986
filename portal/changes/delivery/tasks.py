"""Celery's door: ids in, one call, nothing kept here. The rows are the queue; a message is only a reminder (B1)."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from celery import signals
from celery.utils.nodenames import worker_direct
from django.core.exceptions import ImproperlyConfigured
from kombu.exceptions import OperationalError

from portal.celery import app
from portal.changes.delivery import spool, sweep, worker
from portal.common import discarded_messages, keyring

_log = logging.getLogger(__name__)
_SILENCE_S = 30.0
_silent_until = 0.0


@app.task(name="changes.deliver")
def deliver_change(change_id: int) -> None:
    """Take one change as far as it goes now, then wake the next one of its secret."""
    if type(change_id) is not int or not 0 < change_id < 2**63:  # not from us: do not even quote it
        _log.warning("A message was thrown away: it names no change")
        discarded_messages.count_discarded("no_change")
        return
    following = worker.process_change(change_id)
    if following is not None:
        enqueue_change(following)


@app.task(name="changes.sweep")
def sweep_changes() -> None:
    """Remind the workers of everything that is due. It came through the broker: no silence, but it stops with it."""
    for change_id in sweep.run_sweep():
        if not _published(change_id):
            return


def enqueue_change(change_id: int) -> None:
    """Remind the workers of a change. Bounded, and silent for a while after a failure: the sweep comes by anyway.

    Call it after the commit: the row is the truth, and a broker that is down or frozen must cost nobody a vote.
    """
    if time.monotonic() < _silent_until:
        return
    _published(change_id)


def _published(change_id: int) -> bool:
    global _silent_until
    try:
        deliver_change.delay(change_id)
    except (OperationalError, OSError) as error:
        _silent_until = time.monotonic() + _SILENCE_S
        _log.warning("queue not reachable (%s): change %d waits for the sweep", type(error).__name__, change_id)
        return False
    _silent_until = 0.0
    return True


@signals.worker_init.connect
def on_worker_init(sender: Any, **_: object) -> None:
    """Stop a worker at its start if it has nowhere to keep an answer, or no key to prove votes with."""
    try:
        if _delivers(sender.app):
            spool.spool_folder()
            keyring.mac_ring()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"DELIVERY_SPOOL_DIR cannot be written to: {error.strerror}.")  # Celery swallows exceptions here


@signals.worker_ready.connect
def on_worker_ready(sender: Any, **_: object) -> None:
    """What an earlier life of this very worker has kept is taken in by this one: nobody else may see its folder."""
    try:
        if _delivers(sender.app):
            sweep_changes.apply_async(queue=worker_direct(sender.hostname))
    except (OperationalError, OSError):
        _log.warning("queue not reachable: kept answers wait for the sweep")


def _delivers(worker: Any) -> bool:
    """Whether it takes up deliveries: the sealer neither needs a spool nor may touch a change."""
    return worker.conf.task_default_queue in worker.amqp.queues.consume_from
