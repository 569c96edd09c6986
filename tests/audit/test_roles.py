"""What PostgreSQL's roles can do to the log: the portal's own may add to it, and that is all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from portal.audit import sealing
from portal.audit.ledger import record
from portal.audit.models import Event, Seal
from portal.audit.verify import verify
from tests.audit.tampering import TABLES

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("signing_key"),
    pytest.mark.shows("A02"),
]


@contextmanager
def acting_as(*options: str) -> Iterator[str]:
    """The statements of the block are those of a role made for it, limited by what limit_role grants it."""
    role = f"portal_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role}")
        call_command("limit_role", role, *options)
        cursor.execute(f"SET ROLE {role}")
        yield role
        cursor.execute("RESET ROLE")
        cursor.execute(f"DROP OWNED BY {role}")
        cursor.execute(f"DROP ROLE {role}")


@pytest.fixture
def as_the_portal(db: None) -> Iterator[str]:
    """On a log with two sealed events."""
    record("session.started", by="maria")
    sealing.seal()
    with acting_as() as role:
        yield role


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {0} SET {1} = {1}",
        "DELETE FROM {0}",
        "TRUNCATE {0}",
        "TRUNCATE {0} CASCADE",
        "ALTER TABLE {0} DISABLE TRIGGER ALL",
        "ALTER TABLE {0} DISABLE TRIGGER {0}_append_only",
        "DROP TRIGGER {0}_append_only ON {0}",
        "DROP TABLE {0}",
        "ALTER TABLE {0} RENAME TO away",
    ],
)
def test_a02_the_portals_role_can_only_add(as_the_portal: str, table: str, statement: str) -> None:
    column = {"audit_event": "text", "audit_seal": "event", "audit_tombstone": "event"}.get(table, "root")
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement.format(table, column))


def test_a02_the_portals_role_cannot_switch_triggers_off_for_its_session(as_the_portal: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute("SET session_replication_role = replica")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_seal SELECT * FROM audit_seal",
        "INSERT INTO audit_subtree SELECT * FROM audit_subtree",
        "INSERT INTO audit_checkpoint SELECT * FROM audit_checkpoint",
        "INSERT INTO audit_tombstone SELECT leaf, event, 1 FROM audit_seal",
        "INSERT INTO audit_legalhold (change, reason) VALUES (7, '')",
        "DELETE FROM audit_legalhold",
        "DELETE FROM audit_unsealed",
        "UPDATE audit_unsealed SET event = 0",
        "UPDATE django_migrations SET name = ''",
    ],
)
def test_a02_the_portals_role_seals_nothing_and_hides_nothing_from_the_sealer(
    as_the_portal: str, statement: str
) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement)


def test_a02_the_portals_role_writes_events_and_the_sealers_role_seals_them() -> None:
    with acting_as():
        record("session.started", by="maria")
        assert verify().findings == []
    with acting_as("--sealer"):
        assert sealing.seal() == 2
        assert verify(key=sealing.public_key()).findings == []
    assert Seal.objects.count() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_user SET is_superuser = true",
        "DELETE FROM changes_vote",
        "INSERT INTO changes_vote SELECT * FROM changes_vote",
        "UPDATE audit_event SET text = text",
        "DELETE FROM audit_checkpoint",
        "TRUNCATE audit_seal",
    ],
)
def test_a02_the_sealers_role_changes_nothing_else(statement: str) -> None:
    with acting_as("--sealer"), pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement)


def test_a02_what_a_superuser_does_past_the_triggers_is_found(as_the_portal: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER ALL")
        Event.objects.filter(action="session.started").update(actor="nobody")
        cursor.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only")
    assert "column actor says nobody" in verify().findings[0]


def test_a_role_that_does_not_exist_is_a_sentence() -> None:
    with pytest.raises(CommandError, match="does not exist"):
        call_command("limit_role", "nobody-of-this-name")
