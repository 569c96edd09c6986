"""Named instants at which a process dies or waits when its environment asks for it: faults tested without sleeps.

`PORTAL_CRASH_AT=intended` kills the process (kill -9, as a machine would) the first time it gets there;
`PORTAL_CRASH_AT=intended:/some/file` makes it wait there, having written its process id to that file, until the file is
gone. Unset, a point costs one comparison. Whoever may set a process's environment may kill it anyway.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

_NAME, _, _FILE = os.environ.get("PORTAL_CRASH_AT", "").partition(":")


def failpoint(name: str) -> None:
    """Die or wait here if the environment names this point."""
    if name != _NAME:
        return
    if not _FILE:
        os.kill(os.getpid(), signal.SIGKILL)
    waiting = Path(_FILE)
    waiting.write_text(str(os.getpid()), encoding="utf-8")
    while waiting.exists():
        time.sleep(0.02)
