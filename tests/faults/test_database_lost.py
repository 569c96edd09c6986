"""PostgreSQL goes away: while an answer arrives (F17), and again and again while people and workers are busy (F16)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from portal.accounts.models import User
from portal.changes.delivery import tasks
from portal.changes.models import Change, Status, Vote
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, usable
from tests.rig.checker import check
from tests.rig.engine import own_database
from tests.rig.markers import Marker
from tests.rig.postgres import PostgresServer, postgres_server
from tests.rig.proxy import Proxy, through, upstream_of
from tests.rig.rounds import rounds
from tests.rig.visitor import Visitor, wait_until
from tests.rig.workers import Workers, database_url, workers
from tests.segura import events

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes, pytest.mark.timeout(rounds(120, 3600))]
CUTS = rounds(1, 20)
STOPS = rounds(1, 5)
CHANGES = rounds(20, 200)
RECOVERY_S = 30


@pytest.fixture
def cut_off(segura: Sandbox, tmp_path: Path) -> Iterator[tuple[Proxy, Workers]]:
    """Workers that reach the database through a proxy; the test itself reaches it directly."""
    spool = {"DELIVERY_SPOOL_DIR": str(tmp_path / "spool"), "DELIVERY_LEASE_S": "60"}
    with Proxy(upstream_of(database_url())) as proxy:
        environment = {"DATABASE_URL": through(proxy, database_url()), **spool}
        with workers(tmp_path / "workers.log", environment) as crew:
            yield proxy, crew


@pytest.mark.shows("F17")
@pytest.mark.parametrize("way", ["lost for a while", "lost with the worker", "reset and there again"])
def test_code_of_an_answer_that_met_no_database_is_in_the_log_exactly_once(
    way: str, cut_off: tuple[Proxy, Workers], segura: Sandbox, approve_all: ManyChanges, tmp_path: Path
) -> None:
    (proxy, crew), spool = cut_off, tmp_path / "spool"
    secret, value = usable(segura.control, 1), Marker.new("a value whose answer met no database")
    crew.start_beat()
    staff = crew.start(1)
    for number in range(CUTS):
        segura.control.plan("hold", endpoint="update", apply="before")
        (change,) = approve_all(secret, value=value, notes=f"round {number}")
        tasks.deliver_change.delay(change.pk)
        segura.control.wait(lambda journal: journal["held"] == 1, 30)
        if way == "reset and there again":
            proxy.reset()
            segura.control.release()
        else:
            proxy.down()
            segura.control.release()
            wait_until(lambda: list(spool.glob("*.json")), "the answer is on disk")
            if way == "lost with the worker":
                crew.kill(staff)
            proxy.thaw()
            if way == "lost with the worker":
                staff = crew.start(1)
        await_applied([change])
        change.refresh_from_db()
        assert (change.cause, change.last_http_status) == ("confirmed", 200)
        for action in ("vault.responded", "delivery.answered"):
            found = [each for each in events(action) if each["change"] == change.pk]
            (told,) = [each for each in found if each["data"].get("method", "PUT") == "PUT"]
            assert (told["http_status"], told["data"]["spooled"]) == (200, True)
    assert list(spool.iterdir()) == []
    check(segura.control, markers=[value], log=crew.log)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """PostgreSQL as in production: what was committed is on disk."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def crew(transactional_db: None, server: PostgresServer, segura: Sandbox, tmp_path: Path) -> Iterator[Workers]:
    """Worker and beat on it; so is the test."""
    environment = {"DATABASE_URL": server.url, "DELIVERY_SPOOL_DIR": str(tmp_path / "spool")}
    with own_database(server.url), workers(tmp_path / "portal.log", environment) as crew:
        crew.start_beat()
        crew.start(1, concurrency=4)
        yield crew


class Decider(threading.Thread):
    """Somebody who approves these changes one after the other, and tries again when told to. Answers in `statuses`."""

    def __init__(self, visitor: Visitor, changes: list[Change]) -> None:
        super().__init__(daemon=True)
        self.visitor, self.changes = visitor, changes
        self.statuses: Counter[int] = Counter()
        self.decided = 0

    def run(self) -> None:
        for change in self.changes:
            while not self._decide(change):
                time.sleep(0.05)
            self.decided += 1

    def _decide(self, change: Change) -> bool:
        """Whether it is decided: by this, or by an earlier try whose answer said that nobody knows."""
        page = self.visitor.get(f"/changes/{change.pk}/")
        if self._told() == 200 and f'id="approve-{change.pk}"' in page:
            self.visitor.vote("Approve")
            return self._told() == 200
        return self.visitor.answer.status_code == 200

    def _told(self) -> int:
        status = self.visitor.answer.status_code
        self.statuses[status] += 1
        return status


@pytest.mark.shows("F16")
def test_postgresql_stopped_hard_while_people_decide_means_503_and_never_half_a_decision(
    server: PostgresServer,
    crew: Workers,
    segura: Sandbox,
    submit_many: ManyChanges,
    approver: User,
) -> None:
    changes = submit_many(CHANGES)
    approver_at_work = Visitor.sign_in(crew.start_web(), approver.username, "approver-correct-horse")
    deciders = [Decider(approver_at_work.again(), changes[number::2]) for number in range(2)]
    for decider in deciders:
        decider.start()
    for stop in range(1, STOPS + 1):
        enough = CHANGES * stop // (STOPS + 1)
        wait_until(lambda enough=enough: sum(each.decided for each in deciders) >= enough, "people decide", 300)
        refused = [each.statuses[503] for each in deciders]
        server.stop()
        connection.close()
        wait_until(
            lambda refused=refused: all(each.statuses[503] > was for each, was in zip(deciders, refused, strict=True)),
            "everybody is told 503",
        )
        server.start()
        decided, applied = sum(each.decided for each in deciders), count_applied()
        wait_until(lambda was=decided: sum(each.decided for each in deciders) > was, "people decide", RECOVERY_S)
        wait_until(lambda was=applied: count_applied() > was, "changes are applied again", RECOVERY_S)
    for decider in deciders:
        decider.join(300)
        assert not decider.is_alive()
        assert set(decider.statuses) == {200, 503}
    await_applied(changes)
    assert [vote.change_id for vote in Vote.objects.order_by("change_id")] == [change.pk for change in changes]
    check(segura.control, log=crew.log)


def count_applied() -> int:
    return Change.objects.filter(status=Status.APPLIED).count()
