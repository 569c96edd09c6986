"""Celery tasks of the catalog."""

from __future__ import annotations

import logging

from celery.signals import beat_init
from kombu.exceptions import OperationalError

from portal.catalog import directory, sync
from portal.celery import app

_log = logging.getLogger(__name__)


@app.task(name="catalog.synchronise")
def run_sync(asked: int | None = None) -> None:
    """Run a scheduled synchronisation, or the requested one with this key; then the directory's, if it is due."""
    done = sync.sync_catalog(asked=asked)
    directory.sync_directory(by=done.by, at_once=asked is not None)


def enqueue_sync(asked: int | None = None) -> bool:
    """Enqueue a synchronisation for a worker; return False if the queue cannot be reached."""
    try:
        run_sync.delay(asked)
    except OperationalError:
        _log.warning("A synchronisation could not be published: the queue cannot be reached")
        return False
    return True


def request_sync(*, by: str) -> None:
    """Request a synchronisation for a user, unless one is under way; mark it failed if it cannot be enqueued."""
    asked = sync.create_sync(by=by)
    if asked is not None and not enqueue_sync(asked.pk):
        sync.mark_sync_failed(asked.pk)


@beat_init.connect
def on_beat_init(**_: object) -> None:
    """Enqueue a synchronisation when the scheduler starts, so that a new portal need not wait a whole interval."""
    enqueue_sync()
