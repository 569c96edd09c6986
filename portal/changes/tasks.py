"""Celery's door: ids in, one call, nothing kept here. The rows are the queue; a message is only a reminder (B1)."""

from __future__ import annotations

import logging
import time

from kombu.exceptions import OperationalError

from portal.celery import app
from portal.changes import reconcile

_log = logging.getLogger(__name__)
_SILENCE_S = 30.0
_silent_until = 0.0


@app.task(name="changes.deliver")
def deliver(change_id: int) -> None:
    """Take one change as far as it goes now, then wake the next one of its secret."""
    if type(change_id) is not int or not 0 < change_id < 2**63:  # not from us: do not even quote it
        _log.warning("A message was thrown away: it names no change")
        return
    following = reconcile.advance(change_id)
    if following is not None:
        publish(following)


@app.task(name="changes.sweep")
def sweep() -> None:
    """Remind the workers of everything that is due."""
    for change_id in reconcile.sweep():
        publish(change_id)


def publish(change_id: int) -> None:
    """Remind the workers of a change. Bounded, and silent for a while after a failure: the sweep comes by anyway.

    Call it after the commit: the row is the truth, and a broker that is down or frozen must cost nobody a vote.
    """
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        deliver.delay(change_id)
    except (OperationalError, OSError) as error:
        _silent_until = time.monotonic() + _SILENCE_S
        _log.warning("queue not reachable (%s): change %d waits for the sweep", type(error).__name__, change_id)
