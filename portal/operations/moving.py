"""From SQLite to PostgreSQL: every row as it is, in one transaction, verified before it counts.

No trigger is switched off for it. Those of the log queue each event for the sealer and for notices as it arrives; the
two queues are therefore copied last, over what the triggers put there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

from django.apps import apps
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, models, transaction
from django.db.migrations.executor import MigrationExecutor

from portal.audit.ledger import record
from portal.audit.models import Event, Unsealed
from portal.audit.verification import verify_on_record
from portal.notices.models import Untold
from portal.operations.state import AlreadyRunning, hold

_SOURCE = "sqlite"
_CHUNK = 2000
_QUEUES = (Unsealed, Untold)
_FILLED_BY_MIGRATIONS = ("auth_group_permissions", "auth_group", "auth_permission", "django_content_type")
# In WAL mode such a lock is given only where nobody else has the file open, and it keeps everybody out.
_ALONE = {"transaction_mode": "EXCLUSIVE", "timeout": 1, "init_command": "PRAGMA locking_mode=EXCLUSIVE;"}

Model = type[models.Model]


class CannotMove(Exception):
    """Nothing was moved; the message says why, and what to do."""


def move(file: Path, *, by: str, told: Callable[[str], object]) -> int:
    """Copy all tables of the SQLite file into this portal's PostgreSQL, which has the tables and no rows yet.

    Returns how many rows there are; `told` hears of each table. All or nothing. Raises CannotMove, and DatabaseError
    where PostgreSQL refuses a row.
    """
    if connection.vendor != "postgresql":
        raise CannotMove("DATABASE_URL must name the PostgreSQL database to move to.")
    if not file.is_file():
        raise CannotMove(f"There is no file {file}.")
    with _opened(file), transaction.atomic(durable=True):
        _empty()
        rows = 0
        for model in _models():
            count = _copy(model)
            told(f"{_table(model)}: {count}")
            rows += count
        _go_on_counting()
        _prove(by=by)
        record("audit.moved", by=by, data={"from": "sqlite", "to": "postgresql", "rows": rows})
    return rows


@contextmanager
def _opened(file: Path) -> Iterator[None]:
    """The SQLite file is the database `sqlite`, of the schema of this release, and ours alone."""
    with ExitStack() as stack:
        try:
            stack.enter_context(hold(file.parent))
        except AlreadyRunning:
            raise CannotMove(f"The portal is running on {file.parent}: stop it first.") from None
        target = connections.settings[DEFAULT_DB_ALIAS]
        engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": _ALONE}
        connections.settings[_SOURCE] = {**target, **engine, "CONN_HEALTH_CHECKS": False}
        stack.callback(connections.settings.pop, _SOURCE)
        stack.callback(connections.__delitem__, _SOURCE)
        stack.callback(connections[_SOURCE].close)
        try:
            stack.enter_context(transaction.atomic(using=_SOURCE))
        except OperationalError:
            raise CannotMove(f"Another process has {file} open: stop the portal first.") from None
        executor = MigrationExecutor(connections[_SOURCE])
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CannotMove(f"{file} is of an older release: start this release on it once, then stop it again.")
        yield


def _models() -> list[Model]:
    """Every one with a table, those of the heart in an order that suits their triggers; the queues last."""
    return sorted(apps.get_models(include_auto_created=True), key=lambda model: model in _QUEUES)


def _table(model: Model) -> str:
    return model._meta.db_table  # noqa: SLF001


def _empty() -> None:
    """Refuse a database in use; what migrations filled goes: it comes with the numbers that other rows point at."""
    for model in _models():
        if _table(model) not in _FILLED_BY_MIGRATIONS and model._base_manager.exists():  # noqa: SLF001
            raise CannotMove(f"The PostgreSQL database is in use ({_table(model)} has rows): take a new one.")
    Group.objects.all().delete()
    ContentType.objects.all().delete()


def _copy(model: Model) -> int:
    """All rows, as they are; how many."""
    if model in _QUEUES:
        model._base_manager.all().delete()  # noqa: SLF001
    rows = model._base_manager.using(_SOURCE).order_by("pk").iterator(_CHUNK)  # noqa: SLF001
    count = 0
    while chunk := list(islice(rows, _CHUNK)):
        model._base_manager.using(DEFAULT_DB_ALIAS).bulk_create(chunk)  # noqa: SLF001
        count += len(chunk)
    return count


def _go_on_counting() -> None:
    """No number is given out again, not even one whose row is gone."""
    with connections[_SOURCE].cursor() as cursor:
        cursor.execute("SELECT name, seq FROM sqlite_sequence WHERE seq > 0")
        reached = dict(cursor.fetchall())
    with connection.cursor() as cursor:
        for model in _models():
            if _table(model) in reached:
                key = model._meta.pk.column  # noqa: SLF001
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [_table(model), key, reached[_table(model)]]
                )


def _prove(*, by: str) -> None:
    """The log is the same text, and verifies where it is now."""
    if _fingerprint(_SOURCE) != _fingerprint(DEFAULT_DB_ALIAS):
        raise CannotMove("The log's text is not the same on both sides. Nothing was moved.")
    report = verify_on_record(by=by)
    if not report.intact:
        raise CannotMove(
            f"The log does not verify, and so was not moved: {report.findings[0]}."
            " See what manage.py verify_audit says on the SQLite file."
        )


def _fingerprint(database: str) -> str:
    """Of every event's number and text, in their order."""
    digest = hashlib.sha256()
    for number, text in Event.objects.using(database).order_by("pk").values_list("pk", "text").iterator(_CHUNK):
        digest.update(f"{number}\t{text}\n".encode())
    return digest.hexdigest()
