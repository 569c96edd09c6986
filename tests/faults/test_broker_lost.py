"""Redis goes away, freezes, forgets or is full: a vote costs seconds at most, and no change is lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from pytest_django.fixtures import Settings
from redis import Redis
from redis.exceptions import OutOfMemoryError

from portal.accounts.models import User
from portal.changes.models import Attempt, Change, Status, Vote
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied
from tests.rig.checker import check
from tests.rig.proxy import Proxy, through, upstream_of
from tests.rig.redis import RedisServer, redis_server
from tests.rig.rounds import rounds
from tests.rig.visitor import Visitor, wait_until
from tests.rig.workers import Workers, workers

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.timeout(rounds(120, 1800)),
]
VOTES = 20
PAGE_S = 5.0
BACK_S = 30.0
NEXT_S = 15.0
QUIET = {"CATALOG_SYNC_EVERY_S": "3600"}


@pytest.fixture
def broker(tmp_path: Path, segura: Sandbox, settings: Settings) -> Iterator[RedisServer]:
    """A Redis of the test's own, durable as the portal's is; what the test itself publishes goes elsewhere."""
    with redis_server(tmp_path, durable=True) as server:
        settings.REDIS_URL = server.url
        yield server


@pytest.fixture
def crew(broker: RedisServer, tmp_path: Path) -> Iterator[Workers]:
    """A worker and a beat."""
    with workers(tmp_path / "portal.log", QUIET | {"DELIVERY_SPOOL_DIR": str(tmp_path / "spool")}) as crew:
        crew.start_beat()
        crew.start(1, concurrency=4)
        yield crew


@pytest.fixture
def proxied(broker: RedisServer, tmp_path: Path) -> Iterator[tuple[Proxy, Workers]]:
    """The same by way of a proxy."""
    with Proxy(upstream_of(broker.url)) as proxy:
        environment = QUIET | {
            "REDIS_URL": through(proxy, broker.url),
            "DELIVERY_SPOOL_DIR": str(tmp_path / "spool"),
        }
        with workers(tmp_path / "portal.log", environment) as crew:
            crew.start_beat()
            crew.start(1, concurrency=4)
            yield proxy, crew


class Ballots:
    """An approver with the page of every change open."""

    def __init__(self, url: str, approver: User, changes: list[Change]) -> None:
        self.person = Visitor.sign_in(url, approver.username, f"{approver.username}-correct-horse")
        self.windows = {change.pk: self.person.again() for change in changes}
        for change, window in self.windows.items():
            window.get(f"/changes/{change}/")

    def approve(self, changes: Sequence[Change], at_once: int = 1) -> list[float]:
        """Press Approve for each; how long each took until the next page was there, in seconds."""
        with ThreadPoolExecutor(at_once) as hands:
            took = list(hands.map(self._approve, [change.pk for change in changes]))
        assert {self.windows[change.pk].answer.status_code for change in changes} == {200}
        return took

    def _approve(self, change: int) -> float:
        began = time.monotonic()
        window = self.windows[change]
        window.vote("Approve")
        return time.monotonic() - began


@pytest.mark.shows("F07")
def test_votes_succeed_while_redis_refuses_and_are_carried_out_when_it_is_back(
    proxied: tuple[Proxy, Workers], segura: Sandbox, submit_many: ManyChanges, approver: User
) -> None:
    proxy, crew = proxied
    changes = submit_many(VOTES)
    ballots = Ballots(crew.start_web(), approver, changes)
    proxy.down()
    took = ballots.approve(changes)
    assert max(took) <= 3.0
    assert Vote.objects.count() == VOTES
    assert not Attempt.objects.exists()
    proxy.thaw()
    await_applied(changes, within_s=BACK_S)
    check(segura.control, log=crew.log)


@pytest.mark.shows("F08")
def test_pages_answer_while_redis_is_frozen_and_votes_are_carried_out_when_it_thaws(
    broker: RedisServer, crew: Workers, segura: Sandbox, submit_many: ManyChanges, approver: User
) -> None:
    changes = submit_many(VOTES)
    ballots = Ballots(crew.start_web(), approver, changes)
    broker.freeze()
    try:
        assert max(ballots.approve(changes, at_once=VOTES)) <= PAGE_S
        began = time.monotonic()  # more pages at once than there are threads in the web process: none is stuck
        with ThreadPoolExecutor(8) as hands:
            windows = list(ballots.windows.values())[:8]
            list(hands.map(lambda window: window.get("/changes/"), windows))
        assert time.monotonic() - began <= PAGE_S
    finally:
        broker.thaw()
    await_applied(changes, within_s=BACK_S)
    check(segura.control, log=crew.log)


@pytest.mark.shows("F09")
def test_no_change_is_lost_while_redis_is_killed_again_and_again(
    broker: RedisServer, crew: Workers, segura: Sandbox, submit_many: ManyChanges, approver: User
) -> None:
    kills, batch = rounds(2, 10), rounds(10, 20)
    changes = submit_many(kills * batch)
    ballots = Ballots(crew.start_web(), approver, changes)
    segura.control.plan(endpoint="update", delay_s=0.1, times=None)
    for kill in range(kills):
        before, meanwhile, after = thirds(changes[kill * batch : (kill + 1) * batch])
        ballots.approve(before)
        broker.kill()
        back_at = time.monotonic() + rounds(1, 1 + kill * 11 / 9)
        ballots.approve(meanwhile)
        wait_until(lambda at=back_at: time.monotonic() >= at, "it has been away for as long as it should be")
        broker.start()
        ballots.approve(after)
        waiting = [change.pk for change in after]
        applied = Change.objects.filter(status=Status.APPLIED, pk__in=waiting)
        wait_until(lambda found=applied: not crew.revive() and found.exists(), "the next is picked up", NEXT_S)
    await_applied(changes)
    check(segura.control, log=crew.log)


@pytest.mark.shows("F11")
def test_a_redis_that_forgets_everything_loses_no_change(
    broker: RedisServer, crew: Workers, segura: Sandbox, submit_many: ManyChanges, approver: User
) -> None:
    changes = submit_many(rounds(50, 500))
    ballots = Ballots(crew.start_web(), approver, changes)
    with Redis.from_url(broker.url) as redis:
        for some in thirds(changes):
            ballots.approve(some)
            redis.flushall()
    await_applied(changes)
    assert Attempt.objects.count() == len(changes)
    check(segura.control, log=crew.log)


@pytest.mark.shows("F11")
def test_a_full_redis_refuses_no_vote_and_loses_no_change(
    broker: RedisServer, crew: Workers, segura: Sandbox, submit_many: ManyChanges, approver: User
) -> None:
    changes = submit_many(rounds(10, 100))
    ballots = Ballots(crew.start_web(), approver, changes)
    with Redis.from_url(broker.url) as redis:
        redis.config_set("maxmemory", "5mb")
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        with kept_full(redis):
            ballots.approve(changes)
        assert Vote.objects.count() == len(changes)
        assert b"queue not reachable (OperationalError)" in crew.log.read_bytes()
        redis.delete("filler")
    applied = Change.objects.filter(status=Status.APPLIED)
    # A worker that cannot take a message off its list ends, and is started again as in production.
    wait_until(lambda: not crew.revive() and applied.count() == len(changes), "all are applied", BACK_S)
    assert Attempt.objects.count() == len(changes)
    check(segura.control, log=crew.log)


@contextlib.contextmanager
def kept_full(redis: Redis) -> Iterator[None]:
    """A Redis in which no space stays free, whatever its other clients take out."""
    stop = Event()

    def keep() -> None:
        while not stop.wait(0.01):
            fill(redis)

    fill(redis)
    with ThreadPoolExecutor(1) as hand:
        hand.submit(keep)
        try:
            yield
        finally:
            stop.set()


def fill(redis: Redis) -> None:
    """Until nothing more goes in."""
    for size in (100_000, 10_000, 1_000, 10):
        with contextlib.suppress(OutOfMemoryError):
            while True:
                redis.rpush("filler", "x" * size)


def thirds(changes: Sequence[Change]) -> tuple[Sequence[Change], Sequence[Change], Sequence[Change]]:
    third = len(changes) // 3
    return changes[:third], changes[third : 2 * third], changes[2 * third :]
