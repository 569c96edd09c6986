"""A company's past, made up and loaded by COPY: changes with all that belongs to them, and a log that verifies.

    fill(Size(changes=1_000_000, events=10_000_000, secrets=100_000))

Triggers rest and secondary indexes are away meanwhile; both are back when it returns, so that the database is as if
people had done all of it. What open changes propose has its true digest, so that they can be decided and delivered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from tests.bench.sealed_history import Log
from tests.bench.stories import STORIES, Story, facts, outcome_of
from tests.bench.tables import Tables

FIRST_SECRET = 100_000
_SPAN = timedelta(days=730)
_CHUNK = 256
_FLUSH = 40_000
REQUESTERS, APPROVERS = 40, 10


@dataclass(frozen=True)
class Size:
    """How much there is of what. `events`: where they are fewer than the changes have, the newest
    changes keep theirs; where they are more, the rest is people signing in."""

    changes: int
    events: int
    secrets: int


@dataclass(frozen=True)
class People:
    """Who did all that. `approvers` hold no other right; `reader` may audit and operate, and did nothing."""

    requesters: list[User]
    approvers: list[User]
    reader: User


def fill(size: Size) -> People:
    """Load this much into an empty, migrated database whose log can be sealed."""
    who = people()
    with transaction.atomic(), _bare(size.changes > _FLUSH), connection.cursor() as cursor:
        tables = Tables(cursor)
        _secrets(tables, size)
        log = Log(tables, begins_at=timezone.now() - _SPAN)
        _changes(tables, log, size, who)
        log.close()
        tables.flush()
        tables.reset_sequences()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return who


def people() -> People:
    """Those of the history; made where they are missing."""

    def person(name: str, *granted: Role) -> User:
        user, new = User.objects.get_or_create(username=name, defaults={"first_name": name.title()})
        if new:
            for role in granted:
                roles.add_to_role(user, role)
        return user

    return People(
        [person(f"requester{number}", Role.REQUESTER) for number in range(REQUESTERS)],
        [person(f"approver{number}", Role.APPROVER) for number in range(APPROVERS)],
        person("reader", Role.AUDITOR, Role.ADMINISTRATOR),
    )


def _secrets(tables: Tables, size: Size) -> None:
    seen_at = (timezone.now() - _SPAN).isoformat()
    for number in range(size.secrets):
        secret, name = FIRST_SECRET + number, name_of(number)
        tables.secret(secret, name, name, "t", "t", "f", "f", seen_at)
        tables.keyword(2 * number + 1, secret, "tag", f"team-{number % 200}", f"team-{number % 200}")
        tables.keyword(2 * number + 2, secret, "url", f"api{number}.example", f"api{number}.example")
    for number in range(1, size.changes // 10 + 2):
        tables.sync(number, "", seen_at, seen_at, seen_at, "t", size.secrets)


def name_of(number: int) -> str:
    """What the secret of this number is called."""
    return f"service-{number:06d}"


def _changes(tables: Tables, log: Log, size: Size, who: People) -> None:
    """Story by story, a few hundred of them interleaved as people's work is; the rest of the events evenly between."""
    told = [outcome_of(number, size.changes) for number in range(size.changes)]
    needed = sum(len(STORIES[outcome]) for outcome in told)
    silent = _silent(told, size.events)
    noise = max(0, size.events - needed)
    log.pace(_SPAN / max(1, min(needed, size.events) + noise + 1))
    for first in range(0, size.changes, _CHUNK):
        numbers = range(first, min(first + _CHUNK, size.changes))
        stories = [_story(tables, number, told[number], log.now, size, who) for number in numbers]
        spoken = [story for story in stories if story.number >= silent]
        for stage in range(max((len(STORIES[story.outcome]) for story in spoken), default=0)):
            for story in spoken:
                if stage < len(STORIES[story.outcome]):
                    log.tell(STORIES[story.outcome][stage], story.words, seq=stage + 1)
        for step in range(noise * numbers.stop // size.changes - noise * numbers.start // size.changes):
            log.sign_in(who.requesters[step % REQUESTERS].username)
        tables.flush(_FLUSH)


def _silent(told: list[str], events: int) -> int:
    """The first change whose events are kept, where there are to be fewer than all."""
    room = events
    for number in range(len(told) - 1, -1, -1):
        room -= len(STORIES[told[number]])
        if room < 0:
            return number + 1
    return 0


def _story(tables: Tables, number: int, outcome: str, at: datetime, size: Size, who: People) -> Story:
    """The rows of one change; its words for the log."""
    active = min(REQUESTERS, max(1, size.changes // 100))  # in a short past everybody has a pageful too
    requester, voter = who.requesters[number % active], who.approvers[number // 7 % APPROVERS]
    place = number * 7919 % size.secrets
    story = facts(number, outcome, FIRST_SECRET + place, name_of(place), requester.username, voter.username)
    tables.story(story, requester.pk, voter.pk, at)
    return story


@contextmanager
def _bare(without_indexes: bool) -> Iterator[None]:
    """Triggers rest (as their owner may have it), and what helps only to find rows is made anew at the end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgenabled <> 'D'"
        )
        triggers = cursor.fetchall()
        tables = sorted({*Tables.names(), *(table for table, _name, _when in triggers)})
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        indexes = _indexes(cursor) if without_indexes else []
        for name, _definition in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        for _name, definition in indexes:
            cursor.execute(definition)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        for table, name, when in triggers:
            cursor.execute(f"ALTER TABLE {table} ENABLE {'ALWAYS ' if when == 'A' else ''}TRIGGER {name}")


def _indexes(cursor: Any) -> list[tuple[str, str]]:
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND schemaname = 'public'"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        " AND indexdef NOT LIKE 'CREATE UNIQUE%%'",
        [Tables.names()],
    )
    found: list[tuple[str, str]] = cursor.fetchall()
    return found
