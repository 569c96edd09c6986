"""Celery's door to the catalog."""

from __future__ import annotations

import logging

from celery.signals import beat_init
from kombu.exceptions import OperationalError

from portal.catalog import directory, sync
from portal.celery import app

_log = logging.getLogger(__name__)


@app.task(name="catalog.synchronise")
def synchronise(asked: int | None = None) -> None:
    """The schedule's synchronisation, or the one of this row that a person asked for; then the directory's, if due."""
    done = sync.synchronise(asked=asked)
    directory.synchronise(by=done.by, at_once=asked is not None)


def publish(asked: int | None = None) -> bool:
    """Hand it to a worker; False if the queue cannot be reached."""
    try:
        synchronise.delay(asked)
    except OperationalError:
        _log.warning("A synchronisation could not be published: the queue cannot be reached")
        return False
    return True


def ask(*, by: str) -> None:
    """A synchronisation for this person, unless one is under way; one that cannot be queued has failed at once."""
    asked = sync.ask(by=by)
    if asked is not None and not publish(asked.pk):
        sync.give_up(asked.pk)


@beat_init.connect
def at_start(**_: object) -> None:
    """A portal that has just been started does not wait a whole interval for its first list."""
    publish()
