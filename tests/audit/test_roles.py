"""What PostgreSQL's roles can do to the log: the portal's own may add to it, and that is all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from portal.audit.ledger import record_event
from portal.audit.models import Event, TreeLeaf
from portal.audit.sealing import sealer
from portal.audit.verification.verifier import verify_events
from tests.audit.tampering import TABLES

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("signing_key"),
    pytest.mark.shows("A02"),
]


@contextmanager
def acting_as(*options: str) -> Iterator[str]:
    """The statements of the block are those of a role made for it, limited by what restrict_db_role grants it."""
    role = f"portal_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role}")
        call_command("restrict_db_role", role, *options)
        cursor.execute(f"SET ROLE {role}")
        yield role
        cursor.execute("RESET ROLE")
        cursor.execute(f"DROP OWNED BY {role}")
        cursor.execute(f"DROP ROLE {role}")


@pytest.fixture
def as_the_portal(db: None) -> Iterator[str]:
    """On a log with two sealed events."""
    record_event("session.started", by="maria")
    sealer.seal_pending_events()
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
    column = {"audit_event": "text", "audit_treeleaf": "event", "audit_tombstone": "event"}.get(table, "root")
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement.format(table, column))


def test_a02_the_portals_role_cannot_switch_triggers_off_for_its_session(as_the_portal: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute("SET session_replication_role = replica")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_treeleaf SELECT * FROM audit_treeleaf",
        "INSERT INTO audit_subtree SELECT * FROM audit_subtree",
        "INSERT INTO audit_checkpoint SELECT * FROM audit_checkpoint",
        "INSERT INTO audit_tombstone SELECT leaf, event, 1 FROM audit_treeleaf",
        "INSERT INTO audit_legalhold (change, reason) VALUES (7, '')",
        "DELETE FROM audit_legalhold",
        "DELETE FROM audit_unsealedevent",
        "UPDATE audit_unsealedevent SET event = 0",
        "INSERT INTO audit_routine (name, done_at, data) VALUES ('verify', '2099-01-01', '{}')",
        "UPDATE audit_routine SET done_at = '2099-01-01'",
        "DELETE FROM audit_routine",
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
        record_event("session.started", by="maria")
        assert verify_events().findings == []
    with acting_as("--sealer"):
        assert sealer.seal_pending_events() == 2
        assert verify_events(key=sealer.get_signing_public_key()).findings == []
    assert TreeLeaf.objects.count() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_user SET is_superuser = true",
        "DELETE FROM changes_vote",
        "INSERT INTO changes_vote SELECT * FROM changes_vote",
        "UPDATE audit_event SET text = text",
        "DELETE FROM audit_checkpoint",
        "TRUNCATE audit_treeleaf",
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
    assert "column actor says nobody" in verify_events().findings[0]


@pytest.mark.parametrize("options", [(), ("--sealer",)])
def test_role_that_owns_no_table_does_not_say_that_it_granted_rights(as_the_portal: str, options: list[str]) -> None:
    """PostgreSQL itself answers such a GRANT with a warning alone."""
    with pytest.raises(CommandError, match="Run it as the role that migrates"):
        call_command("restrict_db_role", as_the_portal, *options)


def test_a_role_that_does_not_exist_is_a_sentence() -> None:
    with pytest.raises(CommandError, match="does not exist"):
        call_command("restrict_db_role", "nobody-of-this-name")


APPEND = "SELECT audit_append(%(action)s, %(actor)s, '', %(change)s, NULL, %(data)s, '', NULL)"


def append(**values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(APPEND, {"action": "session.started", "actor": "maria", "change": None, "data": "{}", **values})


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_event (at, action, actor, text) VALUES (clock_timestamp(), 'vote.cast', 'pedro', '{}')",
        "INSERT INTO audit_event SELECT id + 1000, clock_timestamp(), action, actor, NULL, NULL, NULL, NULL, text"
        " FROM audit_event",
        "COPY audit_event FROM '/dev/null'",
        "MERGE INTO audit_event USING (SELECT 1) s ON false"
        " WHEN NOT MATCHED THEN INSERT (at, action, actor, text) VALUES (clock_timestamp(), 'vote.cast', '', '{}')",
        "INSERT INTO audit_unsealedevent VALUES (1)",
        "SELECT setval('audit_event_id_seq', 1)",
        "CREATE OR REPLACE FUNCTION audit_append(text, text, text, bigint, integer, text, text, bigint)"
        " RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
        "ALTER FUNCTION audit_append SECURITY INVOKER",
    ],
)
@pytest.mark.parametrize("options", [(), ("--sealer",)])
def test_a02_neither_role_adds_an_event_past_the_function(options: tuple[str, ...], statement: str) -> None:
    record_event("session.started", by="maria")
    denied = pytest.raises(DatabaseError, match=r"permission denied|must be owner")
    with acting_as(*options), denied, transaction.atomic():
        connection.cursor().execute(statement)


@pytest.mark.parametrize(
    "data",
    [
        '{},"at":"2020-01-01T00:00:00.000000+00:00","x":{}',
        '{}\t{"action":"audit.pruned"',
        '{"a":\n1}',
        "[]",
        '"text"',
        "null",
        "",
        "{",
        None,
    ],
)
def test_a02_data_that_would_say_more_than_data_are_refused(as_the_portal: str, data: str | None) -> None:
    with pytest.raises(DatabaseError):
        append(data=data)
    assert Event.objects.filter(action="session.started").count() == 1


@pytest.mark.parametrize(
    "actor", ['x","at":"2020-01-01T00:00:00.000000+00:00', "a\\", "\t\n\x01", '"},', "名\u2028", ""]
)
def test_a02_whatever_the_actor_is_called_the_text_says_what_the_columns_say(as_the_portal: str, actor: str) -> None:
    append(actor=actor, change=7, data='{"at":"2020-01-01"}')
    event = Event.objects.get(change=7)
    assert event.entry is not None
    assert (event.entry.actor, event.entry.at) == (actor, Event.objects.values_list("at", flat=True).get(change=7))
    assert verify_events().findings == []


SEALERS = ("audit.key_changed", "audit.dated", "audit.checkpoint_mailed")
OWNERS = ("audit.pruned", "audit.retention_changed", "audit.hold_placed", "audit.hold_lifted", "audit.restored")


@pytest.mark.parametrize("action", [*SEALERS, *OWNERS])
def test_a02_the_portals_role_says_nothing_of_what_others_do_to_the_log(as_the_portal: str, action: str) -> None:
    with pytest.raises(DatabaseError, match=f"permission denied for event {action}"):
        append(action=action)


@pytest.mark.parametrize("action", OWNERS)
def test_a02_the_sealers_role_does_not_announce_what_the_owner_does(action: str) -> None:
    with acting_as("--sealer"), pytest.raises(DatabaseError, match=f"permission denied for event {action}"):
        append(action=action)


def test_a02_a_role_without_a_grant_appends_nothing(db: None) -> None:
    with acting_as() as role:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute(f"REVOKE EXECUTE ON FUNCTION audit_append FROM {role}")
            cursor.execute(f"SET ROLE {role}")
        with pytest.raises(DatabaseError, match="permission denied"):
            append()


def test_a02_a_table_of_the_same_name_for_the_session_is_not_taken_for_the_log(as_the_portal: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(f"GRANT TEMPORARY ON DATABASE {connection.settings_dict['NAME']} TO {as_the_portal}")
        cursor.execute(f"SET ROLE {as_the_portal}")
        cursor.execute("CREATE TEMPORARY TABLE audit_event (LIKE public.audit_event)")
        cursor.execute("CREATE TEMPORARY TABLE audit_unsealedevent (event bigint)")
        cursor.execute("SET search_path = pg_temp, public")
    append(change=7)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.audit_event WHERE change = 7")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM public.audit_unsealedevent")
        assert cursor.fetchone() == (1,)
        cursor.execute("SET search_path = DEFAULT")


@pytest.mark.parametrize(
    "at", ["an hour ago", "a minute", "2020-01-01", "infinity", "-infinity", "0044-03-15 BC", "20000-01-01"]
)
def test_an_event_of_another_time_is_refused_even_to_the_owner(at: str, db: None) -> None:
    moment = {"an hour ago": timezone.now() - timedelta(hours=1), "a minute": timezone.now() + timedelta(minutes=1)}
    with pytest.raises(DatabaseError, match="append-only: an event of another time"), transaction.atomic():
        connection.cursor().execute(
            "INSERT INTO audit_event (at, action, actor, text) VALUES (%s, 'x', '', '{}')", [moment.get(at, at)]
        )


@pytest.mark.parametrize(("command", "options"), [("seal_audit", ()), ("legal_hold", ("7", "--reason", "x"))])
def test_command_that_a_role_may_not_do_ends_with_a_sentence(command: str, options: tuple[str, ...]) -> None:
    record_event("change.submitted", by="maria", change=7)
    with acting_as(), pytest.raises(CommandError, match="does not let this role"):
        call_command(command, *options)
