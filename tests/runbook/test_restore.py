"""Backup and restore by the words of the runbook: the loss is noticed, and nothing is sent a second time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.sandbox import Control
from tests.rig import documented
from tests.rig.portal import Portal
from tests.rig.postgres import PostgresServer, postgres_server
from tests.rig.visitor import Visitor, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


class Operator:
    """Follows the runbook."""

    def __init__(self, portal: Portal, server: PostgresServer, folder: Path) -> None:
        self.server = server
        self.environment = {
            **portal.environment,
            "PGHOST": str(server.socket_folder),
            "PGUSER": "postgres",
            "PGPASSWORD": server.password,
            "BACKUPS": str(folder),
            "OPERATOR": "admin",
        }

    def follows(self, block: str, **more: str) -> str:
        done = documented.run(block, {**self.environment, **more})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, question: str, *values: object) -> list[Any]:
        with psycopg.connect(self.server.url) as database:
            return database.execute(question, values).fetchall()


def test_yesterdays_backup_is_noticed_and_reconciled(server: PostgresServer, tmp_path: Path) -> None:
    checkpoints = tmp_path / "elsewhere"
    portal = Portal(tmp_path, {"DATABASE_URL": server.url, "AUDIT_CHECKPOINT_DIR": str(checkpoints)})
    operator = Operator(portal, server, tmp_path)
    with portal:
        people = {name: Visitor.sign_in(portal.url, name, portal.accounts[name]) for name in PEOPLE}
        requester, approver, admin = people.values()
        # The scheduler's first synchronisation may come later than the pages.
        wait_until(lambda: f"/secrets/{SECRETS[-1]}/" in requester.get("/secrets/"), "the secrets are listed")
        sent, overtaken, decided_later = (requester.propose(number, value=f"sesame {number}") for number in SECRETS)
        admin.get("/operations/")
        admin.press("Pause", reason="Segura is being upgraded")
        approver.decide(sent, "Approve")
        approver.decide(overtaken, "Approve")

        backup = operator.follows(documented.blocks("Backup")[0], PGDATABASE="portal").strip()

        approver.decide(decided_later, "Approve")
        admin.get("/operations/")
        admin.press("Resume")
        for change in (sent, overtaken, decided_later):
            wait_until(lambda change=change: "applied" in status(operator, change), f"CR-{change} is applied")
        portal.manage("seal_audit")
        vault = Control(portal.control)
        vault.edit(SECRETS[1], client_secret="a value that somebody else has set since")
        assert len(vault.arrivals("update")) == 3

    restore = documented.blocks("Restore")
    with psycopg.connect(server.url, dbname="postgres", autocommit=True) as admin_of_the_server:
        admin_of_the_server.execute("ALTER DATABASE portal RENAME TO portal_before")
    operator.follows(restore[0], BACKUP=backup)
    noticed = documented.run(restore[1], operator.environment)
    assert noticed.returncode == 1
    assert "its tail was cut" in noticed.stdout
    assert "NOT intact, 1 problems" in noticed.stdout
    ended = operator.follows(restore[2])
    assert "2 changes will be read back" in ended
    assert ": intact" in ended
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
        operator.ask("DELETE FROM audit_event")

    with portal:
        people = {name: Visitor.sign_in(portal.url, name, portal.accounts[name]) for name in PEOPLE}
        requester, approver, admin = people.values()
        vault = Control(portal.control)
        assert "Restored from a backup" in requester.get(f"/changes/{sent}/")
        admin.get("/operations/")
        admin.press("Resume")
        wait_until(lambda: status(operator, sent) == "applied", "what was sent is found")
        wait_until(lambda: status(operator, overtaken) == "needs_attention", "what was overtaken goes to a person")
        approver.decide(decided_later, "Approve")
        wait_until(lambda: status(operator, decided_later) == "stale", "it is compared before it is sent")
        assert vault.arrivals("update") == []
        assert requester.propose(12, notes="afterwards") > 10_000
        assert "intact" in portal.manage("verify_audit")
        wait_until(lambda: (checkpoints / "latest.txt").exists(), "the log is sealed again")


PEOPLE = ("requester", "approver", "admin")
SECRETS = (12, 14, 43)


def status(operator: Operator, change: int) -> str:
    return str(operator.ask("SELECT status FROM changes_change WHERE id = %s", change)[0][0])
