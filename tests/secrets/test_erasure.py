"""A change that ends takes its sealed value with it: out of the row, the next dump, and the file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from portal.accounts.models import User
from portal.changes import reconcile, workflow
from portal.changes.models import Change, Status
from portal.changes.proposal import Proposal
from portal.sandbox import Sandbox
from tests.changing import approve, work
from tests.rig.markers import Marker, search
from tests.rig.postgres import NoPostgres, dump
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
            workflow.reject(
                change.pk,
                by=approver,
                revision=change.revision,
                digest=change.current().digest,
                reason="No",
                presence=PRESENT,
            )
        elif to == Status.WITHDRAWN:
            workflow.withdraw(change.pk, by=requester)
        elif to == Status.EXPIRED:
            Change.objects.filter(pk=change.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
            reconcile.sweep()
        else:
            segura.control.plan("" if to == Status.APPLIED else "refuse:1005:no", endpoint="update", identifier=43)
            work(approve(change, approver))

    return bring


ENDS = [Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED, Status.APPLIED, Status.FAILED]


@pytest.fixture
def pending(segura: Sandbox, propose: Propose, requester: User) -> Callable[[str], Change]:
    def submit(value: str) -> Change:
        return workflow.submit(propose(value=value, base=None), by=requester)

    return submit


@contextlib.contextmanager
def erasure_refused() -> Iterator[None]:
    """The database takes every other write."""
    raising = "SELECT RAISE(ABORT, 'broken by a test')"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE TRIGGER broken BEFORE UPDATE OF sealed_secret ON changes_revision"
                " FOR EACH ROW EXECUTE FUNCTION changes_refuse('broken by a test')"
            )
        else:
            cursor.execute(
                f"CREATE TRIGGER broken BEFORE UPDATE OF sealed_secret ON changes_revision BEGIN {raising}; END"
            )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER broken" + (" ON changes_revision" if connection.vendor == "postgresql" else ""))


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
    assert change.current().sealed_secret is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.shows("S01")
def test_of_ended_changes_nothing_is_left_in_rows_dump_or_file(
    pending: Callable[[str], Change], end: Callable[[Change, Status], None]
) -> None:
    """Short values and long ones, which a database keeps in other places; one change that is still open is found."""
    gone, sealed_values = [], []
    for to in ENDS:
        for length in (1, 3900):
            value = Marker.new(f"{to}, {length} characters more")
            change = pending(value + "x" * length)
            blob = bytes(change.current().sealed_secret or b"")
            sealed_values.append(Marker.known(f"ciphertext: {value.way}", "", blob[20:]))
            gone.append(value)
            end(change, to)
            change.refresh_from_db()
            assert (change.status, change.current().sealed_secret) == (to, None)
    gone.append(value := Marker.new("an open one"))
    still_open = pending(value)
    blob = bytes(still_open.current().sealed_secret or b"")
    kept = Marker.known("the open change", "", blob[20:])
    found = search(_all_of_the_database(), [*gone, *sealed_values, kept])
    assert {finding.way for finding in found} == {"the open change"}


def _all_of_the_database() -> list[tuple[str, bytes]]:
    if connection.vendor == "postgresql":
        try:
            return [("pg_dump", dump(database_url()))]
        except NoPostgres as error:
            pytest.skip(str(error))
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert cursor.fetchone()[0] == 0
    return [(path.name, path.read_bytes()) for path in sorted(Path(name).parent.glob(Path(name).name + "*"))]


def test_erased_values_leave_the_file_whatever_the_sqlite_library_does_by_itself(tmp_path: Path) -> None:
    """Debian's library overwrites what is deleted, others do not: the portal's own connections ask for it."""
    if connection.vendor != "sqlite":
        pytest.skip("a file of SQLite's")
    file = tmp_path / "some.sqlite3"
    value = Marker.known("erased", "", b"k" * 12 + bytes(range(64, 128)) * 40 + b"z" * 12)
    options: dict[str, Any] = settings.DATABASES["default"]["OPTIONS"]
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.executescript("PRAGMA secure_delete=OFF;" + options["init_command"])
        database.execute("CREATE TABLE held (value BLOB)")
        database.executemany("INSERT INTO held VALUES (?)", [(value.core,), (value.core[-200:],)])
        database.commit()
        database.execute("UPDATE held SET value = NULL")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert search([(file.name, file.read_bytes())], [value]) == []
