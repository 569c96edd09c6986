"""A change that ends takes its sealed value with it: out of the row and the next dump."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from portal.accounts.models import User
from portal.changes.delivery import sweep
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import review, submission
from portal.sandbox import Sandbox
from tests.changing import approve, work
from tests.rig.markers import Marker, search
from tests.rig.postgres import dump
from tests.rig.workers import database_url
from tests.vouching import PRESENT

Propose = Callable[..., Proposal]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_queue"),
    pytest.mark.shows("S06"),
]


@pytest.fixture
def end(segura: Sandbox, requester: User, approver: User) -> Callable[[Change, Status], None]:
    """Bring a pending change to an end."""

    def bring(change: Change, to: Status) -> None:
        if to == Status.REJECTED:
            review.reject_change(
                change.pk,
                by=approver,
                revision=change.revision,
                digest=change.get_current_revision().digest,
                reason="No",
                recent_auth=PRESENT,
            )
        elif to == Status.WITHDRAWN:
            submission.withdraw_change(change.pk, by=requester)
        elif to == Status.EXPIRED:
            Change.objects.filter(pk=change.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
            sweep.run_sweep()
        else:
            segura.control.plan("" if to == Status.APPLIED else "refuse:1005:no", endpoint="update", identifier=43)
            work(approve(change, approver))

    return bring


ENDS = [Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED, Status.APPLIED, Status.FAILED]


@pytest.fixture
def pending(segura: Sandbox, propose: Propose, requester: User) -> Callable[[str], Change]:
    def submit(value: str) -> Change:
        return submission.submit_change(propose(value=value, base=None), by=requester)

    return submit


@contextlib.contextmanager
def erasure_refused() -> Iterator[None]:
    """The database takes every other write."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER broken BEFORE UPDATE OF encrypted_secret ON changes_revision"
            " FOR EACH ROW EXECUTE FUNCTION changes_refuse('broken by a test')"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER broken ON changes_revision")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("to", ENDS)
def test_a_change_does_not_end_where_its_value_cannot_be_erased(
    to: Status, pending: Callable[[str], Change], end: Callable[[Change, Status], None]
) -> None:
    change = pending("a value")
    with erasure_refused(), pytest.raises(DatabaseError, match="broken by a test"):
        end(change, to)
    change.refresh_from_db()
    assert change.status not in ENDS
    assert change.get_current_revision().encrypted_secret is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.shows("S01")
def test_of_ended_changes_nothing_is_left_in_rows_or_dump(
    pending: Callable[[str], Change], end: Callable[[Change, Status], None]
) -> None:
    """Short values and long ones, which a database keeps in other places; one change that is still open is found."""
    gone, sealed_values = [], []
    for to in ENDS:
        for length in (1, 3900):
            value = Marker.new(f"{to}, {length} characters more")
            change = pending(value + "x" * length)
            blob = bytes(change.get_current_revision().encrypted_secret or b"")
            sealed_values.append(Marker.known(f"ciphertext: {value.way}", "", blob[20:]))
            gone.append(value)
            end(change, to)
            change.refresh_from_db()
            assert (change.status, change.get_current_revision().encrypted_secret) == (to, None)
    gone.append(value := Marker.new("an open one"))
    still_open = pending(value)
    blob = bytes(still_open.get_current_revision().encrypted_secret or b"")
    kept = Marker.known("the open change", "", blob[20:])
    found = search([("pg_dump", dump(database_url()))], [*gone, *sealed_values, kept])
    assert {finding.way for finding in found} == {"the open change"}
