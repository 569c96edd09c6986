"""A new operator with nothing but docs/production.md: TLS, PostgreSQL with three accounts, Redis with a password."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from portal.devserver import redis_server
from portal.devserver.redis_server import free_port
from portal.devserver.supervisor import die_with_parent
from portal.sandbox import Sandbox
from tests.rig import documented
from tests.rig.portal import ROOT
from tests.rig.postgres import postgres_server
from tests.rig.units import Unit
from tests.rig.visitor import Visitor, wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="needs a server whose roles it may make"),
]

PAGE = ROOT / "docs" / "production.md"
PROCESSES = ("web", "worker@1", "worker@2", "sealer", "scheduler")
_OURS = ("PORTAL_", "SEGURA_", "DATABASE_", "REDIS_", "AUDIT_", "DELIVERY_", "CHANGE_")


class Operator:
    """Follows the page as one account in a folder of the test. What they start runs until the end.

    What needs root, accounts or systemd is shown by tests.deployment.systemd, which follows the page as it stands.
    """

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder, self.log = folder, folder / "processes.log"
        self.config, self.secrets = folder / "etc", folder / "etc" / "secrets"
        self.port, self.redis_port = free_port(), free_port()
        self.segura_url = sandbox.url
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self.shell = inherited | {"PORTAL_STATE_DIR": str(folder / "state")}
        self._started: list[subprocess.Popen[bytes]] = []
        (folder / "redis").mkdir()
        (folder / "redis" / "redis.conf").write_text(f"bind 127.0.0.1\nport {self.redis_port}\ndir {folder}\n")
        manage = folder / "countersign-manage"
        manage.write_text(self.place((ROOT / "deploy" / "systemd" / "countersign-manage").read_text(encoding="utf-8")))
        manage.chmod(0o755)

    def place(self, text: str) -> str:
        """The text with the folders, ports and the account of the test in place of the page's."""
        places = {
            "deploy/systemd/countersign-manage": str(self.folder / "countersign-manage"),
            "/opt/countersign/current/.venv/bin/python": sys.executable,
            ".venv/bin/python": sys.executable,
            "/opt/countersign/current": str(ROOT),
            '"$(dirname "$(readlink -f "$0")")/../.."': str(ROOT),
            '[ "$(id -u)" = 0 ]': "true",
            "/etc/countersign": str(self.config),
            "/etc/redis": str(self.folder / "redis"),
            "/var/lib/countersign": str(self.folder / "data"),
            "/run/countersign": str(self.folder / "run"),
            'runuser -u "$account" -- ': "",
            "runuser -u postgres -- ": "",
            "chgrp redis": "test -s",
            "systemctl": "echo",
            " --accounts": "",
            " .state": f" {self.folder / 'state'}",
            "127.0.0.1:5432": f"127.0.0.1:{os.environ['PGPORT']}",
            "127.0.0.1:6379": f"127.0.0.1:{self.redis_port}",
            "8443": str(self.port),
            "--port 8544": f"--port {self.segura_url.rpartition(':')[2]}",
        }
        # In one pass: a folder of the test may contain a name of the page.
        return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)

    def follows(self, heading: str) -> str:
        (block,) = documented.blocks(heading, PAGE)
        done = documented.run(self.place(block), self.shell)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sets(self, file: str, **settings: str) -> None:
        """Edit a file of settings."""
        path = self.config / file
        lines = self.place(path.read_text(encoding="utf-8")).splitlines()
        kept = [line for line in lines if line.partition("=")[0] not in settings]
        path.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in settings.items())]) + "\n")

    def starts_unit(self, name: str) -> None:
        """As systemd would, but for the account and the limits."""
        unit = Unit.read(f"countersign-{name}.service")
        environment = unit.environment(self.place)
        for folder in ("run-web", "data", "data-sealer"):
            (self.folder / folder).mkdir(exist_ok=True)
        self.starts(*unit.command(environment, self.place), **environment)

    def starts(self, *command: str, **environment: str) -> None:
        with self.log.open("ab") as log:
            self._started.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env={**self.shell, **environment, "PATH": documented.path()},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=die_with_parent,
                )
            )

    def stop(self) -> None:
        for process in reversed(self._started):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def printed(self) -> str:
        return self.log.read_text(errors="replace")


@pytest.fixture
def operator(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """At a machine with PostgreSQL and nothing in it."""
    monkeypatch.setenv("PGPORT", str(free_port()))
    with postgres_server(["listen_addresses=127.0.0.1"], port=int(os.environ["PGPORT"])) as server:
        with psycopg.connect(server.url, dbname="postgres", autocommit=True) as database:
            database.execute("DROP DATABASE portal")
        operator = Operator(tmp_path, sandbox)
        monkeypatch.setenv("PGPASSWORD", server.password)
        operator.shell |= {"PGHOST": "127.0.0.1", "PGUSER": "postgres", "PGPASSWORD": server.password}
        try:
            yield operator
        finally:
            operator.stop()


def test_a_change_goes_through_a_portal_set_up_by_the_page(operator: Operator, sandbox: Sandbox) -> None:
    operator.secrets.mkdir(mode=0o700, parents=True)
    (operator.secrets / "segura_client_secret").write_text(sandbox.client_secret)
    for heading in ("Keys, passwords, a certificate", "PostgreSQL", "Redis"):
        operator.follows(heading)
    operator.sets("countersign.env", PORTAL_BASE_URL=f"https://127.0.0.1:{operator.port}")
    gateway = {"SEGURA_GATEWAY_TIMEOUT_S": "60", "SEGURA_GATEWAY_RETRIES": "5"}
    operator.sets("portal.env", SEGURA_URL=sandbox.url, SEGURA_CLIENT_ID="portal", **gateway)
    for file in ("sealer.env", "owner.env"):
        operator.sets(file)
    operator.starts(redis_server.find_redis_server(), str(operator.folder / "redis" / "redis.conf"))
    wait_until(lambda: "Ready to accept" in operator.printed(), "Redis is there")
    told = operator.follows("Tables, static files, the first accounts")
    passwords = dict(zip(("ana", "bruno", "carla"), re.findall(r"shown this once: (\S+)", told), strict=True))
    for name in PROCESSES:
        operator.starts_unit(name)

    url, trust = f"https://127.0.0.1:{operator.port}", str(operator.secrets / "tls_certificate")
    wait_until(lambda: answers(url, trust), "the pages are there", 60)
    wait_until(lambda: operator.printed().count(" ready.") == 3, "two workers and the sealer are there", 60)
    ana, bruno, carla = (Visitor.sign_in(url, name, password, trust) for name, password in passwords.items())
    change = ana.propose(12, value="ferry-lantern-8816")
    bruno.decide(change, "Approve")
    wait_until(lambda: "Segura confirmed the change" in ana.get(f"/changes/{change}/"), "it is applied", 60)
    assert len(sandbox.control.arrivals("update")) == 1
    overview = carla.get("/operations/")
    for name in ("worker1", "worker2", "sealer"):
        assert f"{name}@{socket.gethostname()}" in overview
    newest = operator.folder / "data-sealer" / "checkpoints" / "latest.txt"
    wait_until(newest.exists, "the log is sealed")
    assert "append-only" in refused("DELETE FROM audit_event", operator)
    assert "permission denied" in refused("SET ROLE portal; DELETE FROM audit_event", operator)
    told = metrics(url, trust, operator)
    assert 'countersign_workers{queue="celery"} 2.0' in told
    assert "countersign_web_requests_total{" in told
    assert "0 problems" in operator.follows("Is it well?")


def test_keys_and_passwords_that_exist_are_kept(operator: Operator) -> None:
    found = []
    for _ in range(2):
        operator.follows("Keys, passwords, a certificate")
        found.append({file.name: file.read_bytes() for file in operator.secrets.iterdir()})
    assert found[0] == found[1]


def test_accounts_without_passwords_are_not_made(operator: Operator) -> None:
    (block,) = documented.blocks("PostgreSQL", PAGE)
    without_passwords = documented.run(operator.place(block), operator.shell)
    assert without_passwords.returncode != 0
    with psycopg.connect(host="127.0.0.1", user="postgres", dbname="portal") as database:
        assert database.execute("SELECT rolname FROM pg_roles WHERE rolname = 'portal'").fetchall() == []


def test_the_stand_in_of_the_page_answers(operator: Operator) -> None:
    operator.segura_url = f"http://127.0.0.1:{free_port()}"
    operator.secrets.mkdir(mode=0o700, parents=True)
    (operator.secrets / "segura_client_secret").write_text("a secret")
    for block in documented.blocks("A Segura to try it with", PAGE):
        operator.starts("bash", "-euo", "pipefail", "-c", operator.place(block))
    wait_until(lambda: operator.segura_url in operator.printed(), "it says where it is")
    asks = {"grant_type": "client_credentials", "client_id": "portal", "client_secret": "a secret"}
    answer = requests.post(f"{operator.segura_url}/api/oauth2/token", data=asks, timeout=5)
    assert answer.status_code == 200


def test_console_command_names_the_file_that_is_missing(operator: Operator) -> None:
    for role in ("portal", "sealer", "owner"):
        ended = documented.run(f"{operator.folder}/countersign-manage {role} doctor", operator.shell)
        assert ended.returncode == 2
        assert "countersign.env is missing, see docs/production.md" in ended.stderr
    ended = documented.run(f"{operator.folder}/countersign-manage nobody doctor", operator.shell)
    assert ended.returncode == 2
    assert "usage: countersign-manage portal|sealer|owner" in ended.stderr


def answers(url: str, trust: str) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(url, verify=trust, timeout=5).status_code == 200
    return False


def metrics(url: str, trust: str, operator: Operator) -> str:
    """What Prometheus is told."""
    token = (operator.secrets / "metrics_token").read_text()
    return requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"}, verify=trust, timeout=10).text


def refused(statement: str, operator: Operator) -> str:
    """What PostgreSQL says to it."""
    with psycopg.connect(host="127.0.0.1", user="postgres", dbname="portal") as database:
        with pytest.raises(psycopg.Error) as error:
            database.execute(statement)
        return str(error.value)
