"""A new operator with nothing but docs/production.md: TLS, PostgreSQL with three accounts, Redis with a password."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from portal.operations import redis_server
from portal.operations.redis_server import free_port
from portal.operations.supervisor import die_with_parent
from portal.sandbox import Sandbox
from tests.rig import documented
from tests.rig.portal import ROOT
from tests.rig.postgres import postgres_server
from tests.rig.visitor import Visitor, wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="needs a server whose roles it may make"),
]

PAGE = ROOT / "docs" / "production.md"
_OURS = ("PORTAL_", "SEGURA_", "DATABASE_", "REDIS_", "AUDIT_", "DELIVERY_", "CHANGE_")


class Operator:
    """Follows the page in a shell of their own. What they start runs until the end."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.secrets, self.log = folder / "secrets", folder / "processes.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self.shell = inherited | {
            "SECRETS": str(self.secrets),
            "DATA": str(folder / "data"),
            "DATABASE_HOST": f"127.0.0.1:{os.environ['PGPORT']}",
            "REDIS_PORT": str(free_port()),
            "PORT": str(free_port()),
            "SEGURA_URL": sandbox.url,
        }
        self._started: list[subprocess.Popen[bytes]] = []

    def follows(self, heading: str) -> str:
        (block,) = documented.blocks(heading, PAGE)
        done = documented.run(block, self.shell)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def starts(self, *command: str) -> None:
        with self.log.open("ab") as log:
            self._started.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env={**self.shell, "PATH": documented.path()},
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
    operator.secrets.mkdir(mode=0o700)
    (operator.secrets / "segura_client_secret").write_text(sandbox.client_secret)
    for heading in ("Keys, passwords, a certificate", "PostgreSQL", "Redis", "Settings"):
        operator.follows(heading)
    operator.starts(redis_server.find(), str(operator.secrets / "redis.conf"))
    wait_until(lambda: "Ready to accept" in operator.printed(), "Redis is there")
    told = operator.follows("Tables, static files, the first accounts")
    passwords = dict(zip(("ana", "bruno", "carla"), re.findall(r"shown this once: (\S+)", told), strict=True))
    for block in documented.blocks("The processes", PAGE):
        operator.starts("bash", "-euo", "pipefail", "-c", block)

    url, trust = f"https://127.0.0.1:{operator.shell['PORT']}", str(operator.secrets / "tls_certificate")
    wait_until(lambda: answers(url, trust), "the pages are there", 60)
    wait_until(lambda: operator.printed().count(" ready.") == 3, "two workers and the sealer are there", 60)
    ana, bruno, carla = (Visitor.sign_in(url, name, password, trust) for name, password in passwords.items())
    change = ana.propose(12, value="a new value")
    bruno.decide(change, "Approve")
    wait_until(lambda: "Segura confirmed the change." in ana.get(f"/changes/{change}/"), "it is applied", 60)
    assert len(sandbox.control.arrivals("update")) == 1
    assert "worker1@" in carla.get("/operations/")
    assert "worker2@" in carla.get("/operations/")
    newest = Path(operator.shell["DATA"], "checkpoints", "latest.txt")
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
    without_passwords = documented.run(block, operator.shell)
    assert without_passwords.returncode != 0
    with psycopg.connect(host="127.0.0.1", user="postgres", dbname="portal") as database:
        assert database.execute("SELECT rolname FROM pg_roles WHERE rolname = 'portal'").fetchall() == []


def test_the_stand_in_of_the_page_answers(operator: Operator) -> None:
    operator.shell["SEGURA_URL"] = f"http://127.0.0.1:{free_port()}"
    Path(operator.shell["DATA"]).mkdir()
    operator.secrets.mkdir(mode=0o700)
    (operator.secrets / "segura_client_secret").write_text("a secret")
    for block in documented.blocks("A Segura to try it with", PAGE):
        operator.starts("bash", "-euo", "pipefail", "-c", block)
    wait_until(lambda: operator.shell["SEGURA_URL"] in operator.printed(), "it says where it is")
    asks = {"grant_type": "client_credentials", "client_id": "portal", "client_secret": "a secret"}
    answer = requests.post(f"{operator.shell['SEGURA_URL']}/api/oauth2/token", data=asks, timeout=5)
    assert answer.status_code == 200


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
