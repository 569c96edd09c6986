"""Safeguards after a restored backup: a change approved in it may have been sent since, unknown to the database."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.sessions.models import Session
from django.db import connection, transaction

from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.audit import ledger
from portal.audit.models import Event
from portal.changes.delivery import circuit_breaker, status_changes
from portal.changes.models import LANE, Change, Status
from portal.changes.rules import guards
from portal.changes.rules.guards import ReasonMissing
from portal.changes.transitions import db_now, lock_change

SKIPPED = 10_000
"""References and event numbers that are not used again, because they may belong to rows that were lost."""


class DatabaseInUse(Exception):
    """Other processes use this database: they could send a change that has to be read back first."""


@dataclass(frozen=True)
class RestoreResult:
    """Result of the safeguards: number of changes that will be read back, and of sessions that were ended."""

    changes: int
    sessions: int


def apply_restore_safeguards(*, by: User, reason: str, actor: str, lost_checkpoint: str) -> RestoreResult:
    """Pause delivery in `by`'s name, have each change that may have been sent read back, and end every session.

    All in one transaction, before any other process starts. `actor` is the name in the log, `lost_checkpoint` the note
    that was published after the backup. The numbers of changes and events leave a gap, so that no number is used twice.
    Raises NotAllowed, ReasonMissing, DatabaseInUse.
    """
    guards.require_right(by, Right.OPERATE)
    if not reason.strip():
        raise ReasonMissing("A reason is mandatory: everybody whose change waits reads it.")
    with transaction.atomic(durable=True):
        _refuse_company()
        _skip_numbers()
        circuit_breaker.clear_manual_pause(db_now())  # a pause stored in the backup had another reason
        circuit_breaker.set_manual_pause(db_now(), by=by, reason=reason.strip())
        doubtful = Change.objects.filter(status__in=(Status.APPROVED, *LANE)).order_by("pk")
        numbers = list(doubtful.values_list("pk", flat=True))
        for number in numbers:
            status_changes.mark_restored(lock_change(number))
        sessions = Session.objects.all().delete()[0]  # users may have changed their passwords since the backup
        facts = {"held_for": by.username, "reason": reason.strip(), "changes": numbers, "sessions": sessions}
        ledger.record_event("audit.restored", by=actor, data={**facts, "lost_checkpoint": lost_checkpoint})
    return RestoreResult(len(numbers), sessions)


def _refuse_company() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        others = cursor.fetchone()[0]
    if others:
        raise DatabaseInUse(
            f"{others} other connections to this database: stop the portal, and close every other client."
        )


def _skip_numbers() -> None:
    tables = [model._meta.db_table for model in (Change, Event)]  # noqa: SLF001
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
            (sequence,) = cursor.fetchone()
            cursor.execute("SELECT setval(%s, nextval(%s) + %s)", [sequence, sequence, SKIPPED])
