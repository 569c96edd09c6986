"""A worker that is connected and consumes nothing ends, and is started again; one that cannot help it does not."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from celery.utils.nodenames import worker_direct
from django.conf import settings

from portal.celery import app
from portal.changes.delivery import tasks
from portal.operations.watchdog import Watchdog
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, usable
from tests.rig.checker import check
from tests.rig.proxy import Proxy, through, upstream_of
from tests.rig.visitor import wait_until
from tests.rig.workers import workers

STUCK_AFTER_S = 3.0


@dataclass
class Worker:
    """What a watchdog sees of one. It looks every ten seconds and is patient for sixty."""

    taken_up: int = 0
    busy: bool = False
    broker: bool = True
    asked: int = 0
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(ask=self.ask, taken_up=lambda: self.taken_up, busy=lambda: self.busy, stuck_after_s=60)

    def ask(self) -> None:
        if not self.broker:
            raise ConnectionError
        self.asked += 1

    def looks(self, count: int, *, hears: bool = False) -> list[bool]:
        """So many looks, ten seconds apart; whether it was found deaf at each."""
        found = []
        for _ in range(count):
            found.append(self.watchdog.is_stuck(self.now))
            self.taken_up += hears
            self.now += 10
        return found


def test_worker_that_takes_up_what_it_is_asked_is_not_deaf() -> None:
    assert not any(Worker().looks(100, hears=True))


@pytest.mark.shows("F10")
def test_worker_that_takes_up_nothing_for_a_minute_is_deaf() -> None:
    worker = Worker()
    worker.looks(5, hears=True)
    assert worker.looks(7) == [False] * 6 + [True]


def test_nobody_is_deaf_while_the_broker_takes_no_question_nor_before_a_minute_after() -> None:
    worker = Worker(broker=False)
    assert not any(worker.looks(100))
    worker.broker = True
    assert worker.looks(7) == [False] * 6 + [True]


def test_worker_at_full_capacity_is_not_deaf_nor_before_a_minute_after() -> None:
    worker = Worker(busy=True)
    assert not any(worker.looks(100))
    worker.busy = False
    assert worker.looks(6) == [False] * 5 + [True]


def test_worker_that_stood_still_is_judged_anew() -> None:
    worker = Worker()
    worker.looks(5)
    worker.now += 300
    assert worker.looks(7) == [False] * 6 + [True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
@pytest.mark.shows("F10")
def test_deaf_worker_ends_with_an_alarm_and_its_successor_does_the_work(
    segura: Sandbox, approve_all: ManyChanges, tmp_path: Path
) -> None:
    """It is made deaf as an operator would: told to consume nothing. It still answers `inspect ping`."""
    with workers(tmp_path / "workers.log", {"WORKER_STUCK_AFTER_S": str(STUCK_AFTER_S)}) as crew:
        (deaf,) = crew.start(1)
        control = app.control
        (name,) = [next(iter(answer)) for answer in control.ping(timeout=5, limit=1)]
        for queue in ("celery", worker_direct(name).name):
            control.cancel_consumer(queue, reply=True, timeout=5, limit=1)
        assert control.ping(timeout=5, limit=1)
        changes = approve_all(usable(segura.control, 5), notes="for a deaf worker")
        for change in changes:
            tasks.deliver_change.delay(change.pk)
        assert deaf.wait(20) == 1
        assert b"CRITICAL portal.operations.watchdog this worker is connected" in crew.log.read_bytes()
        assert segura.control.arrivals("update") == []
        assert len(crew.revive()) == 1
        await_applied(changes)
    check(segura.control, log=crew.log)


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
def test_worker_that_is_busy_or_stopped_or_without_a_broker_is_not_taken_for_deaf(
    segura: Sandbox, approve_all: ManyChanges, tmp_path: Path
) -> None:
    (change,) = approve_all(usable(segura.control, 1), notes="takes long")
    segura.control.plan("hold", endpoint="update")
    patient = {
        "WORKER_STUCK_AFTER_S": str(STUCK_AFTER_S),
        "SEGURA_GATEWAY_TIMEOUT_S": "60",
        "SEGURA_DEADLINE_S": "60",
        "DELIVERY_LEASE_S": "120",
    }
    with Proxy(upstream_of(settings.REDIS_URL)) as proxy, workers(tmp_path / "workers.log", patient) as crew:
        (busy,) = crew.start(1, queue="busy")
        (stopped,) = crew.start(1, queue="stopped")
        (alone,) = crew.start(1, queue="alone", REDIS_URL=through(proxy, settings.REDIS_URL))
        tasks.deliver_change.apply_async((change.pk,), queue="busy")
        segura.control.wait(lambda journal: journal["held"] == 1, 30)
        stopped.send_signal(signal.SIGSTOP)
        proxy.freeze()
        alone_for(2 * STUCK_AFTER_S)
        assert (busy.poll(), alone.poll()) == (None, None)
        stopped.send_signal(signal.SIGCONT)
        alone_for(STUCK_AFTER_S / 2)
        assert stopped.poll() is None
        segura.control.release()


def alone_for(seconds: float) -> None:
    """What is waited for is that nothing happens."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until, "time has passed")
