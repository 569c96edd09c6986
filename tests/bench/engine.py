"""PostgreSQL and Redis for the benchmarks, with durable settings; databases; the portal's processes on them.

begin() comes before anything of Django's is imported: it sets what the settings read.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from portal.devserver.redis_server import free_port
from portal.devserver.supervisor import die_with_parent
from tests.rig.portal import ROOT
from tests.rig.postgres import postgres_server
from tests.rig.redis import redis_server

DURABLE = (
    "shared_buffers=512MB", "max_wal_size=4GB", "checkpoint_timeout=15min", "jit=off", "fsync=on",
    "synchronous_commit=on", "full_page_writes=on",
)  # fmt: skip
Process = subprocess.Popen[bytes]
CELERY = [sys.executable, "-W", "ignore", "-m", "celery", "--quiet"]
_OURS = ("PORTAL_", "SEGURA_", "DELIVERY_", "SWEEP_", "CATALOG_", "CHANGE_", "APPROVALS_", "AUDIT_", "SEAL_", "EMAIL_")


class Engine:
    """What runs; `folder` is for logs. Processes it has started end with it."""

    def __init__(self, folder: Path, postgres: str, redis: str) -> None:
        self.folder, self.postgres, self.redis = folder, postgres, redis
        self._processes: list[Process] = []

    def url(self, database: str) -> str:
        """The address of a database of this name."""
        head, _, query = self.postgres.partition("?")
        return f"{head.rpartition('/')[0]}/{database}?{query}"

    def make(self, database: str) -> bool:
        """Make it; False where it is there."""
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                return False
            connection.execute(f'CREATE DATABASE "{database}"')  # type: ignore[call-overload]
        return True

    def postmaster(self) -> int:
        """PostgreSQL's process."""
        with psycopg.connect(self.postgres) as connection:
            (data,) = connection.execute("SHOW data_directory").fetchone()  # type: ignore[misc]
        return int((Path(data) / "postmaster.pid").read_text().splitlines()[0])

    def start(self, name: str, command: list[str], ready: str, **env: str) -> Process:
        """A process whose log says `ready` when it is."""
        log = self.folder / f"{name}-{time.monotonic_ns()}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **env}, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip
        self._processes.append(process)
        ends = time.monotonic() + 90
        while ready not in log.read_text(errors="replace").lower():
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"{name} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        return process

    def web(self, application: str, *options: str, **env: str) -> tuple[int, Process]:
        """Its port, and the process: served as the portal is, one process of four threads."""
        port = free_port()
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--workers", "1", "--blocking-threads", "4", "--no-ws", *options, application]
        return port, self.start("web", command, "started worker-1", PORT=str(port), **env)

    def worker(self, app: str, *options: str, **env: str) -> Process:
        """A Celery worker, started as the portal's is; its pool by `options`."""
        command = [*CELERY, "--app", app, "worker", "--prefetch-multiplier", "1", "--without-gossip"]
        command += ["--without-mingle", "--hostname", f"w{time.monotonic_ns()}@bench", *options]
        return self.start("worker", command, " ready.", **env)

    def beat(self, **env: str) -> Process:
        """The portal's clock."""
        schedule = self.folder / f"beat-{time.monotonic_ns()}"
        command = [*CELERY[:-1], "--app", "portal.celery:app", "beat", "--schedule", str(schedule), "--pidfile="]
        return self.start("beat", command, "is starting", **env)

    def stop(self, *processes: Process, number: signal.Signals = signal.SIGTERM) -> None:
        """End these, or all, with everything below them."""
        for process in processes or tuple(self._processes):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._processes.remove(process)


@contextmanager
def begin() -> Iterator[Engine]:
    """Both servers, and the environment that the settings and all processes read."""
    for name in list(os.environ):
        if name.startswith(_OURS):
            del os.environ[name]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-bench-")))
        postgres = stack.enter_context(postgres_server(DURABLE)).url
        redis = stack.enter_context(redis_server(folder, durable=True)).url
        os.environ |= {
            "PORTAL_STATE_DIR": str(folder),
            "PORTAL_SECRET_KEY": secrets.token_urlsafe(48),
            "PORTAL_ENCRYPTION_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
            "PORTAL_APPROVAL_MAC_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
            "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "AUDIT_VERIFY_EVERY_S": "1000000",
            "CHANGE_SUBMITS_PER_HOUR": "1000000",
            "CATALOG_SYNC_EVERY_S": "100000",
            "PORTAL_LOG_LEVEL": "WARNING",
            "DATABASE_URL": postgres,
            "REDIS_URL": redis,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        engine = Engine(folder, postgres, redis)
        stack.callback(engine.stop)
        yield engine
