"""Real Celery worker and beat processes on the test's own database and broker."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from portal.devserver import processes
from portal.devserver.management.commands.run import is_responding
from portal.devserver.redis_server import free_port
from portal.devserver.supervisor import die_with_parent
from tests.rig.portal import QUICK, ROOT

Process = subprocess.Popen[bytes]
_CELERY = [sys.executable, "-m", "celery", "--quiet", "--app", "portal.celery:app"]


class Workers:
    """Some workers of one process each, and a beat. `log` holds all they printed, `root` is where their code is."""

    def __init__(self, log: Path, env: Mapping[str, str] | None = None, root: Path = ROOT) -> None:
        self.log, self.root = log, root
        self.environment = {
            **os.environ,
            **QUICK,
            "DATABASE_URL": database_url(),
            "REDIS_URL": settings.REDIS_URL,
            "SEGURA_URL": settings.SEGURA_URL,
            "SEGURA_CLIENT_ID": settings.SEGURA_CLIENT_ID,
            "SEGURA_CLIENT_SECRET": settings.SEGURA_CLIENT_SECRET,
            **(env or {}),
        }
        self._running: list[Process] = []

    def start_beat(self, on: Sequence[str] = ()) -> Process:
        """A clock that sweeps; `on`: what goes before its command, to have it run elsewhere."""
        schedule = self.log.with_name(f"beat-{time.monotonic_ns()}")
        return self._start([*on, *_CELERY, "beat", "--schedule", str(schedule), "--pidfile="])

    def start(
        self,
        count: int,
        concurrency: int = 1,
        *,
        queue: str = "celery",
        pool: str = "prefork",
        on: Sequence[str] = (),
        **env: str,
    ) -> list[Process]:
        """`count` further workers, ready to take up work from this queue; `env` is for them alone."""
        before = self._ready()
        options = ["--pool", pool, "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
        command = [*on, *_CELERY, "worker", "--loglevel", "DEBUG", "--queues", queue, *options]
        started = [self._start([*command, "--hostname", f"w{time.monotonic_ns()}@test"], env) for _ in range(count)]
        give_up_at = time.monotonic() + 90
        while self._ready() < before + count:
            assert time.monotonic() < give_up_at, self.log.read_text(errors="replace")[-3000:]
            time.sleep(0.05)
        return started

    @property
    def running(self) -> list[Process]:
        """What was started and has not been stopped, in that order."""
        return list(self._running)

    def start_web(self) -> str:
        """The pages, on a port of their own; their address."""
        port = free_port()
        child = processes.web_process(port, {"PORT": str(port)})
        self._start(child.command, child.environment)
        return self.answering(f"http://127.0.0.1:{port}")

    def start_web_on(self, on: Sequence[str], port: int, url: str) -> str:
        """The same elsewhere, listening on all of its addresses; `url` is how the test reaches it."""
        child = processes.web_process(port, {"PORT": url.rpartition(":")[2]})
        self._start([*on, *child.command, "--host", "0.0.0.0"], child.environment)  # noqa: S104 - a machine of its own
        return self.answering(url)

    def answering(self, url: str) -> str:
        """The same, once there are pages."""
        give_up_at = time.monotonic() + 60
        while not is_responding(url):
            assert time.monotonic() < give_up_at, self.log.read_text(errors="replace")[-3000:]
            time.sleep(0.05)
        return url

    @property
    def newest(self) -> Process:
        """Whoever was started last."""
        return self._running[-1]

    def revive(self) -> dict[Process, Process]:
        """Start again what has ended by itself, as a supervisor does: who took whose place."""
        ended = [process for process in self._running if process.poll() is not None]
        for process in ended:
            self._running.remove(process)
        return {process: self._start(list(process.args)) for process in ended}

    def _ready(self) -> int:
        return self.log.read_bytes().count(b" ready.") if self.log.exists() else 0

    def kill(self, workers: list[Process]) -> None:
        """kill -9, the main process and its children alike; nothing to one that has gone already."""
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
        for worker in workers:
            worker.wait()
            self._running.remove(worker)

    def retire(self, worker: Process, within_s: float = 30) -> int:
        """SIGTERM, as a rolling restart does; its exit code."""
        worker.terminate()
        code = worker.wait(within_s)
        self._running.remove(worker)
        return code

    def stop(self) -> None:
        """Leave nothing behind."""
        self.kill(list(self._running))

    def _start(self, command: list[str], env: Mapping[str, str] | None = None) -> Process:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env={**self.environment, **(env or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self._running.append(process)
        return process


@contextmanager
def workers(log: Path, env: Mapping[str, str] | None = None, root: Path = ROOT) -> Iterator[Workers]:
    """Workers that are gone at the end."""
    crew = Workers(log, env, root)
    try:
        yield crew
    finally:
        crew.stop()


def database_url() -> str:
    """The address of the test's own database, for other processes."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
