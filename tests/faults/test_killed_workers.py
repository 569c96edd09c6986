"""kill -9 of workers while their call is on its way: nothing lost, nothing out of order, nothing unrecorded."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path

import psutil
import pytest

from portal.changes.delivery import tasks
from portal.sandbox import Sandbox
from tests.faults.conftest import PATIENT, ManyChanges, await_applied, usable
from tests.rig.checker import check
from tests.rig.markers import Marker
from tests.rig.rounds import rounds
from tests.rig.visitor import wait_until
from tests.rig.workers import Process, Workers, workers
from tests.segura import events

KILLS = rounds(10, 200)
AT_ONCE = rounds(5, 10)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.timeout(rounds(180, 3600)),
]


@pytest.mark.shows("F03")
def test_workers_killed_between_sending_and_answer(
    segura: Sandbox, approve_all: ManyChanges, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Half of the calls are applied; in every other round the main process dies too."""
    secrets, log, markers = usable(segura.control, AT_ONCE), tmp_path / "workers.log", list[Marker]()
    with workers(log, PATIENT) as crew:
        crew.start(1, concurrency=4)
        doomed: list[Process] = []
        for number, apply in zip(count(1), cycle(["before", "never", "never", "before"])):
            if len(events("delivery.claim_lost")) >= KILLS:  # a call that timed out before the kill does not count
                break
            assert number < 2 * KILLS // AT_ONCE
            doomed = doomed or crew.start(1, concurrency=AT_ONCE, queue="doomed")
            segura.control.plan("hold", endpoint="update", times=AT_ONCE, apply=apply)
            markers.append(Marker.new(f"the value of round {number}"))
            changes = approve_all(secrets, value=markers[-1], notes=f"round {number}")
            for change in changes:  # all at the same moment, well within the deadline of a call
                tasks.deliver_change.apply_async((change.pk,), queue="doomed")
            wait_until(lambda: segura.control.journal()["held"] == AT_ONCE, "all calls are on their way")
            doomed = kill(crew, doomed, whole=number % 2 == 0)
            segura.control.clear_faults()
            segura.control.release()
            await_applied(changes, sweep=True)
    check(segura.control, markers=markers, log=log)
    deaths = len(events("delivery.claim_lost"))
    record_property("figures", f"killed {deaths} times in mid-call, in {len(markers)} rounds of {AT_ONCE} changes")


def kill(crew: Workers, doomed: list[Process], *, whole: bool) -> list[Process]:
    """kill -9, the children alone or with their main process; who is left."""
    if whole:
        crew.kill(doomed)
        return []
    for worker in doomed:
        for child in psutil.Process(worker.pid).children():
            os.kill(child.pid, signal.SIGKILL)
    return doomed
