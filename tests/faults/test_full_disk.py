"""The database's disk is full: nothing is decided, nothing is sent, people are told; then all goes on (F18)."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import Error as DatabaseError
from django.db import connection

from portal.accounts.models import User
from portal.audit import ledger
from portal.changes.models import Change, Status
from portal.sandbox import Sandbox
from tests.changing import approve
from tests.faults.conftest import ManyChanges, await_applied
from tests.rig.checker import check
from tests.rig.engine import own_database
from tests.rig.postgres import PostgresServer, postgres_server
from tests.rig.rounds import rounds
from tests.rig.small_disk import SmallDisk, small_disk
from tests.rig.visitor import Visitor, wait_until
from tests.rig.workers import Workers, workers

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.timeout(rounds(120, 600)),
]
MEGABYTES = 120
FULL = "The database has no room left"


@dataclass
class Cramped:
    """The portal on a small disk."""

    disk: SmallDisk
    crew: Workers
    server: PostgresServer

    def fill(self) -> None:
        """Until the log takes not even the shortest event: what was free inside of the database's files is used up."""
        self.disk.fill()
        for size in (400, 100, 20, 1):
            with pytest.raises(DatabaseError):
                write_for_ever(size)
            connection.close()

    def free(self) -> None:
        """There is room again; a server that gave up is started again, as any supervisor does."""
        self.disk.free()
        self.server.start()


def write_for_ever(size: int) -> None:
    """Events of about this size, until the database says no."""
    for _ in range(10_000):
        ledger.record_event("session.failed", data={"name": secrets.token_hex(size)})


@pytest.fixture
def cramped(transactional_db: None, segura: Sandbox, tmp_path: Path) -> Iterator[Cramped]:
    # Another account, PostgreSQL's, must be able to walk there.
    place = Path(tempfile.mkdtemp(prefix="small-", dir="/tmp"))
    place.chmod(0o755)
    try:
        with small_disk(place / "disk", MEGABYTES) as disk, postgres_server(data=disk.path / "data") as server:
            environment = {"DATABASE_URL": server.url, "DELIVERY_SPOOL_DIR": str(tmp_path / "spool")}
            with own_database(server.url), workers(tmp_path / "portal.log", environment) as crew:
                yield Cramped(disk, crew, server)
    except PermissionError:
        pytest.skip("only root may mount a small disk")
    finally:
        (place / "disk").rmdir()
        place.rmdir()


@pytest.mark.shows("F18")
def test_full_disk_means_no_decision_and_no_call_and_a_clear_word_and_all_goes_on_when_there_is_room(
    cramped: Cramped, segura: Sandbox, submit_many: ManyChanges, approver: User, no_queue: None
) -> None:
    crew, changes = cramped.crew, submit_many(rounds(10, 50))
    url = crew.start_web()
    people = Visitor.sign_in(url, approver.username, "approver-correct-horse")
    windows = {change.pk: people.again() for change in changes}
    for change, window in windows.items():
        window.get(f"/changes/{change}/")
    decided, undecided = changes[: len(changes) // 2], changes[len(changes) // 2 :]
    for change in decided:
        approve(change, approver)
    cramped.fill()
    crew.start_beat()
    crew.start(1, concurrency=2)
    wait_until(lambda: b"Task changes.deliver[" in crew.log.read_bytes(), "a worker has tried")
    for change in undecided:
        window = windows[change.pk]
        page = window.vote("Approve")
        assert window.answer.status_code == 503
        assert FULL in page
    assert segura.control.arrivals("update") == []
    assert list(Change.objects.order_by("pk").values_list("status", flat=True)) == (
        [Status.APPROVED] * len(decided) + [Status.PENDING] * len(undecided)
    )
    cramped.free()
    await_applied(decided)
    for change in undecided:
        people.decide(change.pk, "Approve")
    await_applied(undecided)
    check(segura.control, log=crew.log)
