"""A throw-away Redis: the same server the portal starts for itself, without a disk."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from portal.operations.redis_server import plan
from portal.operations.supervisor import die_with_parent


@contextlib.contextmanager
def throw_away_redis(folder: Path, *, databases: int = 64) -> Iterator[str]:
    """A redis-py URL, database 0; gone at the end."""
    server = plan(folder, durable=False, databases=databases)
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(
            server.command, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent
        )
    try:
        _wait(server.url, process)
        yield server.url
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + 15
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                if process.poll() is not None or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.05)
