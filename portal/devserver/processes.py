"""Command lines of the portal's processes. Each runs with this Python, in the project's folder."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portal.devserver.redis_server import RedisServer
from portal.devserver.supervisor import ChildProcess

SANDBOX_CLIENT_ID = "portal"
SANDBOX_SCIM_CLIENT_ID = "portal-scim"
OPENID_CLIENT_ID = "countersign"
_WORKERS = 4
_SEALERS = 2  # so that new events are sealed while the whole log is verified


def postgres_process(command: list[str], environment: Mapping[str, str], ready: str, **account: Any) -> ChildProcess:
    """Return the process of PostgreSQL. SIGINT stops it in order, SIGTERM would wait until its clients disconnect."""
    return ChildProcess(
        "postgres", command, environment, ready=ready, outlives=True, stop_signal=signal.SIGINT, account=account
    )


def redis_process(server: RedisServer) -> ChildProcess:
    """Return the process of the broker."""
    return ChildProcess("redis", server.command, os.environ, ready=server.ready, outlives=True)


def sandbox_process(
    port: int, control_port: int, state: Path, client_secret: str, scim_client_secret: str
) -> ChildProcess:
    """Return the process of the Segura sandbox, on fixed ports, so that a restart keeps its URLs."""
    command = [sys.executable, "-m", "portal.sandbox", "--port", str(port), "--control-port", str(control_port)]
    command += ["--client-id", SANDBOX_CLIENT_ID, "--scim-client-id", SANDBOX_SCIM_CLIENT_ID]
    secrets = {"SANDBOX_CLIENT_SECRET": client_secret, "SANDBOX_SCIM_CLIENT_SECRET": scim_client_secret}
    environment = {**os.environ, **secrets}
    return ChildProcess("sandbox", [*command, "--state", str(state)], environment, ready='"control_url"', outlives=True)


def openid_provider_process(port: int, folder: Path, portal_url: str, client_secret: str) -> ChildProcess:
    """Return the process of the OpenID provider of the demo."""
    command = [sys.executable, "-m", "portal.devserver.openid_provider", "--port", str(port), "--folder", str(folder)]
    command += ["--client-id", OPENID_CLIENT_ID, "--portal-url", portal_url]
    environment = {**os.environ, "OPENID_CLIENT_SECRET": client_secret}
    return ChildProcess("openid", command, environment, ready='"issuer"', outlives=True)


def web_process(port: int, environment: Mapping[str, str]) -> ChildProcess:
    """Return the process that serves the pages."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "4", "--workers-kill-timeout", "3s", "--no-ws"]
    return ChildProcess("web", [*command, "portal.wsgi:application"], _named("web", environment), ready="listening at")


def worker_process(environment: Mapping[str, str]) -> ChildProcess:
    """Return the process that delivers changes."""
    return _queue_worker("worker", "celery", _WORKERS, _named("worker", environment))


def sealer_process(environment: Mapping[str, str]) -> ChildProcess:
    """Return the process that seals, verifies and mails the log; only the sealer needs the signing key."""
    return _queue_worker("sealer", "sealing", _SEALERS, _named("sealer", environment))


def _queue_worker(name: str, queue: str, processes: int, environment: Mapping[str, str]) -> ChildProcess:
    command = [*_celery("--quiet"), "worker", "--hostname", f"{name}@%h", "--queues", queue]
    command += ["--pool", "prefork", "--concurrency", str(processes)]
    command += ["--prefetch-multiplier", "1", "--without-gossip", "--without-mingle"]
    return ChildProcess(name, command, environment, ready=" ready.")


def scheduler_process(state: Path, environment: Mapping[str, str]) -> ChildProcess:
    """Return the process of the scheduler (Celery beat)."""
    command = [*_celery(), "beat", "--schedule", str(state / "beat"), "--pidfile="]
    return ChildProcess("beat", command, _named("scheduler", environment), ready="is starting")


def demo_history_process(url: str, control_url: str, environment: Mapping[str, str]) -> ChildProcess:
    """Return the process that plays the history of the demo, once."""
    command = [sys.executable, "-m", "django", "demo_history", "--url", url, "--control-url", control_url]
    return ChildProcess("demo", command, environment, ready="complete", once=True)


def _named(process: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with PORTAL_PROCESS, which makes a process skip what its database role may not do."""
    return {**environment, "PORTAL_PROCESS": process}


def _celery(*options: str) -> list[str]:
    # In disposable containers root is usual; the warning would push the demo accounts off the screen.
    calm = ["-W", "ignore:You're running the worker with superuser privileges"]
    return [sys.executable, *calm, "-m", "celery", *options, "--app", "portal.celery:app"]
