"""Circuit breaker for page reads, so that an unresponsive Segura cannot occupy every web thread.

Its state belongs to one process on purpose: Redis may be down too, and each process has threads of its own to protect.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from portal.vault import Unreachable, VaultError, WaitRequested

AT_ONCE = 3
"""Pages that may wait for Segura at a time; one of the web process's four threads stays free for everything else."""
SILENT = 2
REST_S = 15.0
_QUEUE_S = 1.0


class AvailabilityGuard:
    """Guard that starts no read for REST_S seconds after SILENT reads in a row without an answer."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._silent = 0
        self._until = 0.0

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Guard one read. Raises Unreachable instead of starting the read while Segura is considered away."""
        if time.monotonic() < self._until or not self._places.acquire(timeout=_QUEUE_S):
            raise Unreachable("others waited for it just now without an answer, so this page did not")
        try:
            yield
            self._silent = 0
        except WaitRequested:
            raise  # no call was made, so it says nothing about availability
        except VaultError as error:
            self._silent = self._silent + 1 if error.status is None else 0
            if self._silent >= SILENT:
                self._until = time.monotonic() + REST_S
            raise
        finally:
            self._places.release()
