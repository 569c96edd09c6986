"""Celery's door to the catalog."""

from __future__ import annotations

import logging

from celery.signals import beat_init
from kombu.exceptions import OperationalError

from portal.catalog import directory, sync
from portal.celery import app

_log = logging.getLogger(__name__)


@app.task(name="catalog.synchronise")
def run_sync(asked: int | None = None) -> None:
    """The schedule's synchronisation, or the one of this row that a person asked for; then the directory's, if due."""
    done = sync.sync_catalog(asked=asked)
    directory.sync_directory(by=done.by, at_once=asked is not None)


def enqueue_sync(asked: int | None = None) -> bool:
    """Hand it to a worker; False if the queue cannot be reached."""
    try:
        run_sync.delay(asked)
    except OperationalError:
        _log.warning("A synchronisation could not be published: the queue cannot be reached")
        return False
    return True


def request_sync(*, by: str) -> None:
    """A synchronisation for this person, unless one is under way; one that cannot be queued has failed at once."""
    asked = sync.create_sync(by=by)
    if asked is not None and not enqueue_sync(asked.pk):
        sync.mark_sync_failed(asked.pk)


@beat_init.connect
def on_worker_ready(**_: object) -> None:
    """A portal that has just been started does not wait a whole interval for its first list."""
    enqueue_sync()
