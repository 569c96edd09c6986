"""Watchdog for a worker that is connected but consumes nothing, which neither its process nor the broker reveals."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)
_LOOKS = 6


class Watchdog:
    """Watchdog of a worker, which it pings through the worker's own queue.

    `ask` puts a ping into that queue and raises OSError if the broker is away: then the worker is not stuck. `taken_up`
    counts the tasks that the worker's processes have started so far. `busy`: all processes run a task within its time
    limit. A worker is stuck if it took up nothing for `stuck_after_s` seconds while pings were waiting.
    """

    def __init__(
        self, *, ask: Callable[[], None], taken_up: Callable[[], int], busy: Callable[[], bool], stuck_after_s: float
    ) -> None:
        self._ask, self._taken_up, self._busy = ask, taken_up, busy
        self._stuck_after_s = stuck_after_s
        self._every_s = stuck_after_s / _LOOKS
        self._seen = -1
        self._asked_at: float | None = None
        self._looked_at = 0.0

    def is_stuck(self, now: float) -> bool:
        """Return whether the worker is stuck at `now` (monotonic clock); call it every sixth of `stuck_after_s`."""
        late = now - self._looked_at > 3 * self._every_s  # this process was suspended, and its worker with it
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
        return now - self._asked_at >= self._stuck_after_s

    def watch(self) -> None:
        """Watch forever, in a thread; end the process if it is stuck, so that its supervisor starts a new one."""
        while not self.is_stuck(time.monotonic()):
            time.sleep(self._every_s)
        _log.critical("this worker is connected but has taken up nothing for %g s: it ends", self._stuck_after_s)
        logging.shutdown()
        os._exit(1)  # a thread that is stuck could block an orderly exit


def start_watchdog(watchdog: Watchdog) -> None:
    """Start the watchdog thread, which runs as long as the process."""
    threading.Thread(target=watchdog.watch, name="watchdog", daemon=True).start()
