"""The portal's real processes, started as a user starts them: manage.py run in a state folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from portal.devserver.redis_server import free_port
from portal.devserver.supervisor import die_with_parent

ROOT = Path(__file__).resolve().parent.parent.parent
# Times of the product, scaled so that a fault and its repair fit into a test.
QUICK = {
    "SEGURA_CONNECT_TIMEOUT_S": "1",
    "SEGURA_GATEWAY_TIMEOUT_S": "1",
    "SEGURA_GATEWAY_RETRIES": "0",
    "SEGURA_DEADLINE_S": "2",
    "DELIVERY_LEASE_S": "5",
    "DELIVERY_REPLAY_MARGIN_S": "0.1",
    "DELIVERY_BACKOFF_S": "0.2",
    "DELIVERY_PROBE_EVERY_S": "1",
    "SWEEP_EVERY_S": "1",
    "CATALOG_SYNC_EVERY_S": "2",
}
_OURS = ("REDIS_", "DATABASE_", "PORTAL_", "SEGURA_", "OIDC")  # set for the tests by the plugin, not for this portal


def remove_database(state: Path) -> None:
    """Remove the database that root keeps in a folder of its own: it is large, and pytest does not know of it."""
    database = state / "postgres"
    if database.is_symlink():
        shutil.rmtree(database.resolve(), ignore_errors=True)
        database.unlink()


class Portal:
    """Use as a context manager. `env` overrides the times of QUICK, names a database (DATABASE_URL), and so on."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None) -> None:
        self.state = folder / "state"
        self.log = folder / "portal.log"
        self.port = free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self.environment = {
            **inherited,
            **QUICK,
            "DEMO": "empty",
            "PORTAL_CONSOLE_GIVES_RIGHTS": "1",
            "PORTAL_STATE_DIR": str(self.state),
            "PORT": str(self.port),
            **(env or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Portal:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.stop()
        remove_database(self.state)

    def start(self, within: float = 90) -> None:
        """Start and wait for the address to answer. Raises AssertionError with the end of the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        give_up_at = time.monotonic() + within
        while not (self.facts().get("ready") and self.facts()["pid"] == self.process.pid):  # not of one that was killed
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                self.stop()
                raise AssertionError(f"manage.py run did not come up:\n{self.printed()[-4000:]}")
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Ask it to stop and wait; its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(15)
        self.process = None
        return code

    def facts(self) -> dict[str, Any]:
        """run.json: pid, url, segura_url, control_url, redis_url, pids by name, ready."""
        try:
            facts: dict[str, Any] = json.loads((self.state / "run.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return facts

    @property
    def url(self) -> str:
        return str(self.facts()["url"])

    @property
    def database_url(self) -> str:
        """The database's address, of the role that owns the tables."""
        lines = (self.state / "env").read_text(encoding="utf-8").splitlines()
        settings = dict(line.split("=", 1) for line in lines) | self.environment
        return settings["DATABASE_URL"].strip("'")

    @property
    def control(self) -> str:
        """The stand-in's control address."""
        return str(self.facts()["control_url"])

    @property
    def accounts(self) -> dict[str, str]:
        """Passwords of the demo accounts by name."""
        accounts: dict[str, str] = json.loads((self.state / "accounts.json").read_text(encoding="utf-8"))
        return accounts

    def manage(self, *command: str, **env: str) -> str:
        """What manage.py prints, on this portal's state."""
        command = (sys.executable, "manage.py", *command)
        environment = {**self.environment, **env}
        run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def hire(self, name: str, *roles: str) -> str:
        """Give somebody exactly these roles, and an account where they have none; their new password."""
        options = [part for role in roles for part in ("--role", role)]
        return self.manage("user", name, *options, "--new-password").split()[-1]

    def printed(self) -> str:
        """All its processes have printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def pid(self, child: str) -> int:
        """The process number of postgres, redis, sandbox, web, worker, sealer or beat as of now."""
        return int(self.facts()["pids"][child])

    def kill(self, child: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a child (and, for KILL, all it has started) a signal; the pid it had."""
        pid = self.pid(child)
        if number == signal.SIGKILL:
            os.killpg(pid, number)  # each child leads a process group of its own
        else:
            os.kill(pid, number)
        return pid

    def wait_restarted(self, child: str, old_pid: int, within: float = 15) -> int:
        """The new pid of a child that was killed."""
        give_up_at = time.monotonic() + within
        while self.facts()["pids"].get(child, old_pid) == old_pid:
            assert time.monotonic() < give_up_at, f"{child} was not restarted"
            time.sleep(0.05)
        return self.pid(child)
