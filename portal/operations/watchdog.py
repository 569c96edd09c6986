"""Notices that a worker is connected and yet consumes nothing, which neither its process nor its broker would tell."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)
_LOOKS = 6


class Watchdog:
    """Asks the worker a question that only it can answer, and hears whether anything it was asked is taken up.

    `ask` puts a question into the worker's own queue and raises OSError where the broker does not take it: then
    nobody is deaf. `taken_up` counts what the worker's processes have started so far. `busy`: every one of them is at
    work, and rightly so. Deaf is who has taken up nothing for `deaf_after_s` seconds while questions were waiting.
    """

    def __init__(
        self, *, ask: Callable[[], None], taken_up: Callable[[], int], busy: Callable[[], bool], deaf_after_s: float
    ) -> None:
        self._ask, self._taken_up, self._busy = ask, taken_up, busy
        self._deaf_after_s = deaf_after_s
        self._every_s = deaf_after_s / _LOOKS
        self._seen = -1
        self._asked_at: float | None = None
        self._looked_at = 0.0

    def deaf(self, now: float) -> bool:
        """One look, at this instant of the monotonic clock; to be repeated every sixth of the time."""
        late = now - self._looked_at > 3 * self._every_s  # this process stood still: its worker did, too
        self._looked_at = now
        seen = self._taken_up()
        if late or seen != self._seen or self._busy():
            self._seen, self._asked_at = seen, None
        try:
            self._ask()
        except OSError:
            self._asked_at = None
            return False
        if self._asked_at is None:
            self._asked_at = now
        return now - self._asked_at >= self._deaf_after_s

    def watch(self) -> None:
        """For ever, in a thread of its own; ends the process, for whoever supervises it to start a new one."""
        while not self.deaf(time.monotonic()):
            time.sleep(self._every_s)
        _log.critical("this worker is connected but has taken up nothing for %g s: it ends", self._deaf_after_s)
        logging.shutdown()
        os._exit(1)  # whatever is stuck in this process might stop a polite end


def start_watchdog(watchdog: Watchdog) -> None:
    """Watch from now on, for as long as the process lives."""
    threading.Thread(target=watchdog.watch, name="watchdog", daemon=True).start()
