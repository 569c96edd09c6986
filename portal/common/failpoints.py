"""Failpoints: named places where the environment makes a process die or wait, to test faults without sleeps.

`PORTAL_FAILPOINT=intended` kills the process (SIGKILL, as a power failure would) when it first reaches that point;
`PORTAL_FAILPOINT=intended:/some/file` makes it write its process id to that file and wait until the file is deleted.
If the variable is unset, a failpoint costs one comparison. It adds no risk: an account that may set a process's
environment may also kill the process.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

_NAME, _, _FILE = os.environ.get("PORTAL_FAILPOINT", "").partition(":")


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
