"""What PostgreSQL's roles can do to the log: the portal's own may add to it, and that is all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from portal.audit import sealing
from portal.audit.ledger import record
from portal.audit.models import Event, Seal
from portal.audit.verify import verify
from tests.audit.tampering import TABLES

pytestmark = [
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL has roles"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("signing_key"),
]


@pytest.fixture
def as_the_portal(db: None) -> Iterator[str]:
    """The statements of the test are those of the portal's role, on a log with two sealed events."""
    role = f"portal_{secrets.token_hex(4)}"
    record("session.started", by="maria")
    sealing.seal()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role}")
        call_command("limit_role", role)
        cursor.execute(f"SET ROLE {role}")
        yield role
        cursor.execute("RESET ROLE")
        cursor.execute(f"DROP OWNED BY {role}")
        cursor.execute(f"DROP ROLE {role}")


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
    column = {"audit_event": "text", "audit_seal": "event"}.get(table, "root")
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement.format(table, column))


def test_a02_the_portals_role_cannot_switch_triggers_off_for_its_session(as_the_portal: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute("SET session_replication_role = replica")


def test_a02_the_portals_role_can_do_what_the_portal_does(as_the_portal: str) -> None:
    record("session.ended", by="maria")
    assert sealing.seal() == 1
    assert verify().findings == []
    assert Seal.objects.count() == 3


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
