"""From SQLite to PostgreSQL, by the words of the runbook: the same people, changes and log, and work that goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from portal.operations import state
from tests.rig import documented
from tests.rig.portal import Portal
from tests.rig.postgres import PostgresServer, postgres_server
from tests.rig.visitor import Visitor, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300), pytest.mark.xdist_group("move")]

LOG = "SELECT id, text FROM audit_event ORDER BY id"
TREE = "SELECT leaf, event, leaf_hash FROM audit_seal ORDER BY leaf"
APPLIED, WAITING = 1, 2


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Portal:
    """One that has worked on SQLite, and was stopped: a change was applied, one waits for a vote."""
    with Portal(tmp_path_factory.mktemp("portal")) as portal:
        requester, approver = (
            Visitor.sign_in(portal.url, who, portal.accounts[who]) for who in ("requester", "approver")
        )
        assert [requester.propose(number, value=f"new value of {number}") for number in (12, 14)] == [APPLIED, WAITING]
        approver.decide(APPLIED, "Approve")
        wait_until(lambda: "Segura confirmed the change." in requester.get(f"/changes/{APPLIED}/"), "it is applied")
        portal.manage("seal_audit")
    return portal


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


def shell(portal: Portal, server: PostgresServer) -> dict[str, str]:
    """Where `createdb` makes databases."""
    return {**portal.environment, "PGHOST": server.url.rpartition("=")[2], "PGUSER": "postgres"}


def move(portal: Portal, server: PostgresServer) -> tuple[int, str]:
    """As the runbook says, into a database that is made for it."""
    with psycopg.connect(server.url, dbname="postgres", autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS portal")
    (block,) = documented.blocks("From SQLite to PostgreSQL")
    moved = documented.run(block, shell(portal, server))
    return moved.returncode, moved.stdout + moved.stderr


def on_sqlite(portal: Portal, question: str) -> list[Any]:
    with closing(sqlite3.connect(portal.state / "portal.sqlite3")) as database:
        return database.execute(question).fetchall()


def events(server: PostgresServer) -> int:
    with psycopg.connect(server.url) as database:
        return int(database.execute("SELECT count(*) FROM audit_event").fetchone()[0])


def test_a_portal_that_runs_is_not_moved(portal: Portal, server: PostgresServer) -> None:
    with state.hold(portal.state):
        code, said = move(portal, server)
    assert (code, events(server)) == (1, 0)
    assert "The portal is running" in said
    with closing(sqlite3.connect(portal.state / "portal.sqlite3")) as worker:
        worker.execute("SELECT count(*) FROM audit_event").fetchone()
        code, said = move(portal, server)
    assert (code, events(server)) == (1, 0)
    assert "Another process has" in said


def test_a_log_that_does_not_verify_is_not_moved(portal: Portal, server: PostgresServer) -> None:
    with closing(sqlite3.connect(portal.state / "portal.sqlite3")) as database:
        (guard,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_event_no_update'").fetchone()
        (text,) = database.execute("SELECT text FROM audit_event WHERE id = 1").fetchone()
        database.execute("DROP TRIGGER audit_event_no_update")
        database.execute("UPDATE audit_event SET text = replace(text, 'a', 'b') WHERE id = 1")
        database.commit()
    try:
        code, said = move(portal, server)
        assert (code, events(server)) == (1, 0)
        assert "does not verify" in said
    finally:
        with closing(sqlite3.connect(portal.state / "portal.sqlite3")) as database:
            database.execute("UPDATE audit_event SET text = ? WHERE id = 1", [text])
            database.execute(guard)
            database.commit()


def test_everything_moves_and_goes_on(portal: Portal, server: PostgresServer) -> None:
    code, said = move(portal, server)
    assert code == 0, said
    assert "intact" in said
    with psycopg.connect(server.url) as database:
        had, sealed = on_sqlite(portal, LOG), on_sqlite(portal, TREE)
        assert sealed
        assert database.execute(f"{LOG} LIMIT {len(had)}").fetchall() == had
        assert database.execute(f"{TREE} LIMIT {len(sealed)}").fetchall() == sealed
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
            database.execute("DELETE FROM audit_event")

    again = documented.run("python manage.py move_to_postgres", {**shell(portal, server), "DATABASE_URL": server.url})
    assert "is in use" in again.stderr

    portal.environment = {**shell(portal, server), "DATABASE_URL": "postgresql:///portal"}
    with portal:
        requester, approver = (
            Visitor.sign_in(portal.url, who, portal.accounts[who]) for who in ("requester", "approver")
        )
        approver.decide(WAITING, "Approve")
        wait_until(lambda: "Segura confirmed the change." in approver.get(f"/changes/{WAITING}/"), "this one too")
        assert requester.propose(12, notes="afterwards") == WAITING + 1
        assert "intact" in portal.manage("verify_audit")
