"""The database refuses to change or delete an event, whichever way one asks."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from portal.audit.ledger import record_event
from portal.audit.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.shows("A01")]

FORGED = (
    "INTO audit_event (id, at, action, actor, change, seq, secret, http_status, text)"
    " VALUES (%(id)s, clock_timestamp(), 'forged', '', %(change)s, %(seq)s, NULL, NULL, '{}')"
)


@pytest.fixture
def event() -> Event:
    record_event("session.started", by="maria")
    return Event.objects.get(pk=record_event("change.submitted", by="maria", change=7, secret=43))


def refused(statement: str, event: Event, **other: int | None) -> None:
    """The statement fails, and the log stands as it stood."""
    before = list(Event.objects.order_by("id").values_list())
    parameters = {"id": event.pk, "change": event.change, "seq": event.seq, **other}
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
    assert list(Event.objects.order_by("id").values_list()) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET http_status = 201",
        "UPDATE audit_event SET text = text WHERE id = %(id)s",
        "UPDATE audit_event SET id = id + 1000 WHERE id = %(id)s",
        "DELETE FROM audit_event",
        "DELETE FROM audit_event WHERE id = %(id)s",
        f"INSERT {FORGED} ON CONFLICT (id) DO UPDATE SET text = excluded.text",
    ],
)
def test_raw_sql_is_refused(event: Event, statement: str) -> None:
    refused(statement, event)


def test_an_upsert_over_the_number_within_a_change_is_refused(event: Event) -> None:
    statement = f"INSERT {FORGED} ON CONFLICT (change, seq) DO UPDATE SET text = excluded.text"
    refused(statement, event, id=event.pk + 500)


@pytest.mark.parametrize("number", ["taken", "free"])
def test_copying_over_an_event_or_its_number_within_the_change_is_refused(event: Event, number: str) -> None:
    before = list(Event.objects.order_by("id").values_list())
    row = (event.pk if number == "taken" else event.pk + 500, event.at, "forged", "", event.change, event.seq, "{}")
    with pytest.raises(psycopg.errors.UniqueViolation), transaction.atomic():
        copied(row)
    assert list(Event.objects.order_by("id").values_list()) == before


def copied(row: tuple[object, ...]) -> None:
    columns = "(id, at, action, actor, change, seq, text)"
    with connection.cursor() as cursor, cursor.copy(f"COPY audit_event {columns} FROM STDIN") as copy:
        copy.write_row(row)


@pytest.mark.shows("A02")
def test_the_replica_role_does_not_walk_around_the_trigger(event: Event) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
    try:
        refused("DELETE FROM audit_event WHERE id = %(id)s", event)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = DEFAULT")


def test_the_orm_is_refused(event: Event) -> None:
    event.http_status = 500
    acts = [
        lambda: event.save(),
        lambda: event.delete(),
        lambda: Event.objects.update(http_status=500),
        lambda: Event.objects.all().delete(),
        lambda: Event.objects.bulk_update([event], ["http_status"]),
        lambda: Event.objects.bulk_create(
            [event], update_conflicts=True, unique_fields=["id"], update_fields=["http_status"]
        ),
    ]
    for act in acts:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()
    assert Event.objects.get(change=7).http_status is None
