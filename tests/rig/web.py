"""The web process as production starts it, on the test's own database and broker."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from portal.devserver import processes
from portal.devserver.redis_server import free_port
from portal.devserver.supervisor import die_with_parent
from tests.rig.portal import ROOT
from tests.rig.workers import database_url


@contextmanager
def web(log: Path, *, threads: int, worker_count: int = 1, **env: str) -> Iterator[int]:
    """Its port. `threads`: requests that are in the middle of it at one time; production has four for each process.

    `env`: settings of its own, another database among them.
    """
    port = free_port()
    own = {"DATABASE_URL": database_url(), "REDIS_URL": settings.REDIS_URL, "PORT": str(port), **env}
    child = processes.web_process(port, {**os.environ, **own})
    # The last ones count.
    command = [*child.command, "--blocking-threads", str(threads), "--workers", str(worker_count)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=child.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        ends = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None and time.monotonic() < ends, log.read_text(errors="replace")[-3000:]  # noqa: PT018
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(15)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
