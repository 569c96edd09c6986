"""Check of the database: whether it keeps committed rows, and whether this role has too many rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal.audit.models import Event
from portal.operations.doctor.finding import CheckArea, Finding

_AREA = CheckArea("database")
_NEEDED = {
    "fsync": ({"on"}, "A crash of the machine loses committed rows, an intent among them: a call could be sent twice."),
    "full_page_writes": ({"on"}, "A crash of the machine can tear pages."),
    "synchronous_commit": (
        {"on", "remote_apply", "remote_write", "local"},
        "A crash loses what was confirmed in the last moments, an intent among it: a call could be sent twice.",
    ),
    "default_transaction_isolation": ({"read committed"}, "Claims are made for read committed, and fail otherwise."),
    "server_encoding": ({"UTF8"}, "Names and reasons do not fit into it."),
    "TimeZone": ({"UTC"}, "The portal's connections say UTC; something between sets another one."),
}
_MAY = (
    "SELECT has_table_privilege(%s, 'INSERT') OR has_table_privilege(%s, 'UPDATE'),"
    " has_table_privilege(%s, 'DELETE') OR has_table_privilege(%s, 'TRUNCATE')"
)
_GUARDS = """
    SELECT string_agg(tgname, ', ' ORDER BY tgname) FILTER (WHERE tgenabled IN ('D', 'R')), count(*)
    FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal
"""


def check_database() -> Iterator[Finding]:
    """Yield findings about the database. Raises DatabaseError."""
    yield _migrations()
    yield from _durability()
    yield from _role()


def _migrations() -> Finding:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        return _AREA.problem(f"{len(waiting)} migrations are not applied", "manage.py migrate, then restrict_db_role.")
    return _AREA.ok("all migrations are applied")


def _durability() -> Iterator[Finding]:
    for name, (wanted, consequence) in _NEEDED.items():
        (value,) = _row(f"SHOW {name}")
        if value in wanted:
            yield _AREA.ok(f"{name} is {value}")
        else:
            yield _AREA.problem(f"{name} is {value}", f"Set it to {sorted(wanted)[0]}. {consequence}")


def _role() -> Iterator[Finding]:
    log = Event._meta.db_table  # noqa: SLF001
    name, mighty = _row("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user")
    if mighty:
        yield _AREA.problem(
            f"role {name} is a superuser: it can alter the log and switch its guards off",
            "Let web, worker and beat use a role that owns nothing, and run manage.py restrict_db_role for it.",
        )
    elif settings.PROCESS == "owner":
        yield _AREA.ok(f"role {name} migrates, and owns the tables; no process that runs all day uses it")
    elif any(_row(_MAY, log, log, log, log)):
        yield _AREA.problem(
            f"role {name} may alter the log, empty it or write past its function",
            "Run manage.py restrict_db_role for it, as the role that migrates. "
            "(The role that migrates is asked this too: run the doctor as web or worker.)",
        )
    else:
        yield _AREA.ok(f"role {name} can only add to the log")
    off, guards = _row(_GUARDS, log)
    if off or not guards:
        yield _AREA.problem(
            f"the log's guards do not stand: {off or 'there are none'}",
            f"ALTER TABLE {log} ENABLE ALWAYS TRIGGER … for each; then manage.py verify_audit, and ask who did it.",
        )


def _row(statement: str, *values: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
