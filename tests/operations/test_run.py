"""manage.py run, on the portal's real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import yaml

from tests.rig.portal import ROOT, Portal, remove_database

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300), pytest.mark.xdist_group("manage.py run")]
CHILDREN = {"postgres", "redis", "sandbox", "web", "worker", "sealer", "beat"}


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with Portal(tmp_path_factory.mktemp("run")) as portal:
        yield portal


@pytest.fixture(autouse=True)
def databases_removed(tmp_path: Path) -> Iterator[None]:
    yield
    for place in tmp_path.rglob("postgres"):
        remove_database(place.parent)


def page(portal: Portal) -> int:
    """The status of a page, 0 where nothing answers."""
    try:
        with urllib.request.urlopen(f"{portal.url}/accounts/login/", timeout=10) as response:
            return int(response.status)
    except OSError:
        return 0


def bootstrap(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portal.devserver.bootstrap", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def second_run(portal: Portal, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "run"]
    environment = {**portal.environment, **env}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


def within(seconds: float, holds: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up_at, f"not within {seconds} s"
        time.sleep(0.05)


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def family(portal: Portal) -> list[psutil.Process]:
    return psutil.Process(portal.facts()["pid"]).children(recursive=True)


def test_address_and_accounts_are_printed(portal: Portal) -> None:
    assert page(portal) == 200
    printed = portal.printed()
    assert f"The portal is ready:  {portal.url}" in printed
    assert set(portal.accounts) == {"requester", "requester2", "approver", "approver2", "auditor", "admin", "admin2"}
    for name, password in portal.accounts.items():
        assert f"{name:<12}{password}" in printed


def test_state_folder_is_for_its_owner_alone(portal: Portal) -> None:
    assert portal.state.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in portal.state.iterdir() if path.stat().st_mode & 0o077} == set()
    assert set(portal.facts()["pids"]) == CHILDREN


def test_keys_and_passwords_are_on_no_command_line(portal: Portal) -> None:
    settings = [line.partition("=") for line in (portal.state / "env").read_text().splitlines()]
    keys = [value.strip("'") for name, _, value in settings if name != "PORTAL_DEMO"]
    client = json.loads((portal.state / "sandbox-client.json").read_text())
    command_lines = "\n".join(" ".join(one.cmdline()) for one in left(family(portal)))
    assert "portal.sandbox" in command_lines
    for secret in [*keys, *client.values(), *portal.accounts.values()]:
        assert secret not in command_lines


@pytest.mark.shows("F09", "F10")  # a worker that ends is started again
@pytest.mark.parametrize("child", sorted(CHILDREN))
def test_killed_child_comes_back(portal: Portal, child: str) -> None:
    portal.wait_restarted(child, portal.kill(child), within=8)
    within(40, lambda: portal.printed().rfind(f"{child:<8}| ended after") < last_ready(portal, child))
    within(40, lambda: page(portal) == 200)  # the web server listens before its process has loaded the portal


def last_ready(portal: Portal, child: str) -> int:
    """Where in the output the child said last that it is ready."""
    signs = {
        "postgres": "ready to accept connections",
        "redis": "ready to accept connections",
        "sandbox": "control_url",
        "web": "Listening at",
        "worker": " ready.",
        "sealer": " ready.",
        "beat": "is starting",
    }
    line = re.compile(rf"^{child:<8}\|.*{re.escape(signs[child])}", re.IGNORECASE | re.MULTILINE)
    return max((found.start() for found in line.finditer(portal.printed())), default=-1)


def test_second_run_in_the_same_folder_is_refused_in_one_sentence(portal: Portal) -> None:
    run = second_run(portal)
    assert run.returncode == 1
    assert "The portal is already running on" in run.stderr
    assert "Traceback" not in run.stderr


def test_taken_port_is_a_sentence_that_names_the_option(portal: Portal, tmp_path: Path) -> None:
    run = second_run(portal, PORTAL_STATE_DIR=str(tmp_path / "other"))
    assert run.returncode == 1
    assert run.stderr.strip() == (
        f"CommandError: Port {portal.port} is taken by another program. Choose another one: PORT=9000 make run"
    )


def test_reset_is_refused_while_it_runs(portal: Portal) -> None:
    run = bootstrap("reset", PORTAL_STATE_DIR=str(portal.state))
    assert run.returncode == 1
    assert "The portal is running" in run.stderr
    assert portal.state.exists()


def test_unwritable_state_folder_is_a_sentence(portal: Portal) -> None:
    run = second_run(portal, PORTAL_STATE_DIR="/proc/portal")
    assert run.returncode == 1
    assert "Cannot write to the state folder /proc/portal" in run.stderr
    assert "Traceback" not in run.stderr


def test_bad_setting_is_a_sentence(portal: Portal, tmp_path: Path) -> None:
    run = second_run(portal, PORTAL_STATE_DIR=str(tmp_path / "other"), SEGURA_URL="http://vault.example.com")
    assert run.returncode == 1
    assert "SEGURA_URL must be https" in run.stderr
    assert "Traceback" not in run.stderr


def test_own_segura_means_no_stand_in(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        env = {"SEGURA_URL": url, "SEGURA_CLIENT_ID": "x", "SEGURA_CLIENT_SECRET": "y"}
        with Portal(tmp_path, env) as portal:
            assert set(portal.facts()["pids"]) == CHILDREN - {"sandbox"}
            assert portal.facts()["segura_url"] == url
            assert page(portal) == 200


def test_ctrl_c_stops_everything_and_a_restart_finds_the_same_accounts_until_reset(tmp_path: Path) -> None:
    portal = Portal(tmp_path)
    portal.start()
    everyone, accounts, printed = family(portal), portal.accounts, len(portal.printed())
    began = time.monotonic()
    assert portal.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 8
    assert left(everyone) == []
    assert "Traceback" not in portal.printed()[printed:]

    portal.start()
    assert portal.accounts == accounts
    portal.stop()
    database = (portal.state / "postgres").resolve()
    assert (database / "data" / "PG_VERSION").exists()
    run = bootstrap("reset", PORTAL_STATE_DIR=str(portal.state))
    assert run.returncode == 0
    assert not portal.state.exists()
    assert not database.exists()


def test_killed_outright_it_leaves_no_orphan(tmp_path: Path) -> None:
    with Portal(tmp_path) as portal:
        everyone = family(portal)
        assert len(everyone) >= 19  # seven children, the guardian, a web worker, six of the queues, four of PostgreSQL
        portal.stop(signal.SIGKILL)
        within(3, lambda: not left(everyone))


def test_data_survives_a_killed_run(tmp_path: Path) -> None:
    with Portal(tmp_path) as portal:
        portal.hire("ana", "approver")
        portal.stop(signal.SIGKILL)
        portal.start()
        assert "ana" in ask(portal.database_url, "SELECT username FROM accounts_user")


def ask(url: str, statement: str) -> list[object]:
    with psycopg.connect(url, autocommit=True) as database:
        return [row[0] for row in database.execute(statement.encode()).fetchall()]


def environment_of(portal: Portal, child: str) -> dict[str, str]:
    return psutil.Process(portal.pid(child)).environ()


@pytest.mark.shows("A02")
@pytest.mark.parametrize("child", ["web", "worker", "beat"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET text = ''",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "INSERT INTO audit_treeleaf SELECT * FROM audit_treeleaf",
        "INSERT INTO audit_checkpoint SELECT * FROM audit_checkpoint",
        "DELETE FROM audit_unsealedevent",
        "SET ROLE owner",
        "CREATE TABLE elsewhere ()",
    ],
)
def test_portal_may_only_add_to_the_log_and_cannot_seal(portal: Portal, child: str, statement: str) -> None:
    environment = environment_of(portal, child)
    assert environment["AUDIT_SIGNING_KEY"] == ""
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as database:
        assert database.execute("SELECT current_user").fetchone() == ("portal",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute(statement.encode())


def test_sealer_seals_with_the_key_and_a_role_of_its_own(portal: Portal) -> None:
    environment = environment_of(portal, "sealer")
    assert environment["AUDIT_SIGNING_KEY"]
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as database:
        assert database.execute("SELECT current_user").fetchone() == ("sealer",)
        for statement in (b"UPDATE audit_event SET text = ''", b"UPDATE accounts_user SET is_active = true"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                database.execute(statement)
    portal.hire("sealed", "auditor")
    within(20, lambda: ask(portal.database_url, "SELECT count(*) FROM audit_unsealedevent") == [0])
    assert ": intact." in portal.manage("verify_audit")


@pytest.mark.parametrize("child", ["web", "worker", "sealer", "beat"])
def test_process_is_named_as_in_the_containers(portal: Portal, child: str) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert environment_of(portal, child)["PORTAL_PROCESS"] == services[child]["environment"]["PORTAL_PROCESS"]


def test_sealer_asks_for_nothing_that_its_role_is_denied(portal: Portal) -> None:
    assert portal.printed().count("sealer@") >= 1
    assert "permission denied for table operations_" not in portal.printed()


@pytest.mark.parametrize("role", ["postgres", "owner", "portal", "sealer"])
@pytest.mark.parametrize("password", ["", "wrong", "postgres"])
def test_database_needs_the_password_of_the_role(portal: Portal, role: str, password: str) -> None:
    url = urlsplit(portal.database_url)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url._replace(netloc=f"{role}:{password}@").geturl())


def test_database_is_durable_and_listens_on_its_private_socket_alone(portal: Portal) -> None:
    for setting, value in (("fsync", "on"), ("synchronous_commit", "on"), ("listen_addresses", "")):
        assert ask(portal.database_url, f"SHOW {setting}") == [value]
    server = psutil.Process(portal.pid("postgres"))
    assert server.uids().real != 0
    assert not server.net_connections("inet")


def test_database_reports_no_values(portal: Portal) -> None:
    with psycopg.connect(portal.database_url, autocommit=True) as database, pytest.raises(psycopg.Error):
        database.execute("SELECT 'a value nobody may see' WHERE 1 / 0 = 1")
    within(5, lambda: "division by zero" in portal.printed())
    assert "a value nobody may see" not in portal.printed()


def test_old_state_folder_is_named_and_left_alone(tmp_path: Path) -> None:
    portal = Portal(tmp_path)
    portal.state.mkdir()
    (portal.state / "portal.sqlite3").write_bytes(b"years of work")
    run = second_run(portal)
    assert run.returncode == 1
    of_an_older_version = "is of an older version, which kept its data in SQLite: `make reset` removes it."
    assert run.stderr.strip() == f"The state folder {portal.state} {of_an_older_version}"
    assert (portal.state / "portal.sqlite3").read_bytes() == b"years of work"


def test_reset_leaves_a_folder_alone_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    run = bootstrap("reset", PORTAL_STATE_DIR=str(tmp_path))
    assert run.returncode == 1
    assert (tmp_path / "thesis.txt").exists()
