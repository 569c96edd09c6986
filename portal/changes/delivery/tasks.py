"""Celery tasks of delivery, which take ids only. The rows are the queue; a message is only a reminder (B1)."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from celery import signals
from celery.utils.nodenames import worker_direct
from django.core.exceptions import ImproperlyConfigured
from kombu.exceptions import OperationalError

from portal.accounts.models import User
from portal.audit.sealing import log_origin
from portal.celery import app
from portal.changes.delivery import base_reads, spool, sweep, worker
from portal.common import discarded_messages, keyring

_log = logging.getLogger(__name__)
_SILENCE_S = 30.0
_silent_until = 0.0


@app.task(name="changes.deliver")
def deliver_change(change_id: int) -> None:
    """Process one change as far as possible now, then enqueue the next change of the same secret."""
    if type(change_id) is not int or not 0 < change_id < 2**63:  # not sent by the portal: do not even quote it
        _log.warning("A message was thrown away: it names no change")
        discarded_messages.count_discarded("no_change")
        return
    following = worker.process_change(change_id)
    if following is not None:
        enqueue_change(following)


@app.task(name="changes.read_base")
def read_base(secret: int, user: int) -> None:
    """Read a secret for the readers of its pending changes; `user`: the id of the user who opened one."""
    if not all(type(number) is int and 0 < number < 2**63 for number in (secret, user)):
        _log.warning("A message was thrown away: it names no secret and user")
        discarded_messages.count_discarded("unusable")
        return
    by = User.objects.filter(pk=user, is_active=True).values_list("username", flat=True).first()
    if by is not None:
        base_reads.read_for_review(secret, by=by)


@app.task(name="changes.sweep")
def sweep_changes() -> None:
    """Enqueue every change that is due; stop at the first message that the broker does not take.

    This task came through the broker, so it publishes even during the silence after an earlier failure.
    """
    for change_id in sweep.run_sweep():
        if not _published(change_id):
            return


def enqueue_change(change_id: int) -> None:
    """Enqueue the delivery of a change, in bounded time; publish nothing for _SILENCE_S seconds after a failure.

    The sweep finds the change anyway. Call this after the commit: the row counts, and a broker that is down or frozen
    must not make a vote fail.
    """
    if time.monotonic() < _silent_until:
        return
    _published(change_id)


def enqueue_base_read(secret: int, user: int) -> None:
    """Enqueue a read for reviewers, in bounded time; without a broker the page says that nothing was compared."""
    if time.monotonic() >= _silent_until:
        _delayed(read_base, secret, user, lost=f"secret {secret} is not read for reviewers")


def _published(change_id: int) -> bool:
    return _delayed(deliver_change, change_id, lost=f"change {change_id} waits for the sweep")


def _delayed(task: Any, *ids: int, lost: str) -> bool:
    """Publish the task; return False if the broker cannot be reached, and log `lost`, what follows from it."""
    global _silent_until
    try:
        task.delay(*ids)
    except (OperationalError, OSError) as error:
        _silent_until = time.monotonic() + _SILENCE_S
        _log.warning("queue not reachable (%s): %s", type(error).__name__, lost)
        return False
    _silent_until = 0.0
    return True


@signals.worker_init.connect
def on_worker_init(sender: Any, **_: object) -> None:
    """Stop a worker at its start if it cannot write to the spool, has no key to verify votes, or meets demo data."""
    try:
        log_origin.require_demo_mode_at_start()
        if _delivers(sender.app):
            spool.spool_folder()
            keyring.mac_ring()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"DELIVERY_SPOOL_DIR cannot be written to: {error.strerror}.")  # Celery swallows exceptions here


@signals.worker_ready.connect
def on_worker_ready(sender: Any, **_: object) -> None:
    """Enqueue a sweep for this worker alone, so that it drains what it spooled before its restart.

    Workers on other hosts cannot read its folder.
    """
    try:
        if _delivers(sender.app):
            sweep_changes.apply_async(queue=worker_direct(sender.hostname))
    except (OperationalError, OSError):
        _log.warning("queue not reachable: kept answers wait for the sweep")


def _delivers(worker: Any) -> bool:
    """Return whether the worker consumes deliveries: the sealer needs no spool and must not touch a change."""
    return worker.conf.task_default_queue in worker.amqp.queues.consume_from
