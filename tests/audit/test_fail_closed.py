"""A08: while the log cannot be written, nobody decides and nothing is sent; afterwards nothing is missing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.models import Change, Status, Vote
from portal.sandbox import Sandbox
from tests.changing import approve, work
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def table_away() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event RENAME TO audit_event_away")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE audit_event_away RENAME TO audit_event")


@contextmanager
def insert_revoked() -> Iterator[None]:
    """The portal's role, to which somebody left everything but the right to add to the log."""
    role = f"portal_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role}")
        call_command("restrict_db_role", role)
        cursor.execute(f"REVOKE EXECUTE ON FUNCTION audit_append FROM {role}")
        cursor.execute(f"SET ROLE {role}")
        try:
            yield
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute(f"DROP OWNED BY {role}")
            cursor.execute(f"DROP ROLE {role}")


Closed = Callable[[], AbstractContextManager[None]]
WAYS: dict[str, Closed] = {"table away": table_away, "INSERT revoked": insert_revoked}


@pytest.fixture(params=WAYS)
def log_out_of_reach(request: pytest.FixtureRequest, db: None) -> Closed:
    """No event can be written for the time of the block."""
    return WAYS[request.param]


@pytest.mark.shows("A08")
def test_a08_nobody_signs_in_who_is_not_in_the_log(client: Client, log_out_of_reach: Closed) -> None:
    person("maria")
    sign_in = partial(client.post, "/accounts/login/", {"login": "maria", "password": "maria-correct-horse"})
    with log_out_of_reach(), pytest.raises(DatabaseError):
        sign_in()
    assert SESSION_KEY not in client.session
    sign_in()
    assert SESSION_KEY in client.session
    assert Event.objects.filter(action="session.started", actor="maria").count() == 1


@pytest.mark.shows("A08")
@pytest.mark.usefixtures("no_queue")
def test_a08_no_vote_counts_that_is_not_in_the_log(submitted: Change, approver: User, log_out_of_reach: Closed) -> None:
    with log_out_of_reach(), pytest.raises(DatabaseError):
        approve(submitted, approver)
    submitted.refresh_from_db()
    assert submitted.status == Status.PENDING
    assert not Vote.objects.exists()
    assert approve(submitted, approver).status == Status.APPROVED
    assert Event.objects.filter(action="vote.cast").count() == 1


@pytest.mark.shows("A08")
def test_a08_nothing_is_sent_that_is_not_in_the_log(
    segura: Sandbox, approved: Callable[..., Change], log_out_of_reach: Closed
) -> None:
    change = approved()
    arrived = len(segura.control.arrivals())
    with log_out_of_reach(), pytest.raises(DatabaseError):
        work(change)
    assert len(segura.control.arrivals()) == arrived
    assert work(change).status == Status.APPLIED
    assert len(segura.control.arrivals("update")) == 1
    assert Event.objects.filter(change=change.pk, action="delivery.intended").count() == 1
