"""A Redis for tests: the same server the portal starts for itself."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from portal.devserver.redis_server import plan_redis_server
from portal.devserver.supervisor import die_with_parent


class RedisServer:
    """One that can be killed, frozen, and started again where it was. `url` is redis-py's, of database 0."""

    def __init__(self, folder: Path, *, durable: bool = False, databases: int = 64) -> None:
        self._plan = plan_redis_server(folder, durable=durable, databases=databases)
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = self._plan.url

    def start(self) -> None:
        """Returns when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._plan.command, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent
            )
        _wait(self.url, self._process)

    def kill(self) -> None:
        """kill -9; nothing if it is not there."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextlib.contextmanager
def throw_away_redis(folder: Path, *, databases: int = 64) -> Iterator[str]:
    """The URL of one without a disk; gone at the end."""
    with redis_server(folder, databases=databases) as server:
        yield server.url


@contextlib.contextmanager
def redis_server(folder: Path, *, durable: bool = False, databases: int = 64) -> Iterator[RedisServer]:
    """A running one, gone at the end; `durable` as the portal's own is."""
    server = RedisServer(folder, durable=durable, databases=databases)
    try:
        server.start()
        yield server
    finally:
        server.kill()


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
