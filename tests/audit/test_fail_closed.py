"""A08: while the log cannot be written, nobody decides and nothing is sent; afterwards nothing is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.models import Change, Status, Vote
from portal.sandbox import Sandbox
from tests.changing import approve, work

pytestmark = [pytest.mark.domain, pytest.mark.django_db(transaction=True)]


@contextmanager
def log_out_of_reach() -> Iterator[None]:
    """No event can be written for the time of the block."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event RENAME TO audit_event_away")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE audit_event_away RENAME TO audit_event")


@pytest.mark.shows("A08")
@pytest.mark.usefixtures("no_queue")
def test_a08_no_vote_counts_that_is_not_in_the_log(submitted: Change, approver: User) -> None:
    with log_out_of_reach(), pytest.raises(DatabaseError):
        approve(submitted, approver)
    submitted.refresh_from_db()
    assert submitted.status == Status.PENDING
    assert not Vote.objects.exists()
    assert approve(submitted, approver).status == Status.APPROVED
    assert Event.objects.filter(action="vote.cast").count() == 1


@pytest.mark.shows("A08")
def test_a08_nothing_is_sent_that_is_not_in_the_log(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved()
    arrived = len(segura.control.arrivals())
    with log_out_of_reach(), pytest.raises(DatabaseError):
        work(change)
    assert len(segura.control.arrivals()) == arrived
    assert work(change).status == Status.APPLIED
    assert len(segura.control.arrivals("update")) == 1
    assert Event.objects.filter(change=change.pk, action="delivery.intended").count() == 1
