"""F06: a worker that wakes up after its lease has been given to another sends nothing more."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from portal.changes.delivery import tasks
from portal.changes.models import Attempt
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, usable
from tests.rig.checker import check
from tests.rig.rounds import rounds
from tests.rig.visitor import wait_until
from tests.rig.workers import workers
from tests.segura import events

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.shows("F06"),
    pytest.mark.timeout(rounds(180, 900)),
]


def test_worker_that_slept_through_its_lease_sends_nothing(
    segura: Sandbox, approve_all: ManyChanges, tmp_path: Path
) -> None:
    """Frozen once before the intent, where the fence holds it back, and once after it, where the clock does."""
    log, secrets = tmp_path / "workers.log", usable(segura.control, 2)
    beds = {point: tmp_path / point for point in ("prepared", "intended")}
    with workers(log, {"SEGURA_GATEWAY_TIMEOUT_S": "0.2"}) as crew:
        crew.start(1, concurrency=2)
        for point, bed in beds.items():
            crew.start(1, queue=point, pool="solo", PORTAL_FAILPOINT=f"{point}:{bed}")
        for number in range(rounds(1, 10)):
            lost_before = len(events("delivery.claim_lost"))
            changes = approve_all(secrets, notes=f"round {number}")
            for change, point in zip(changes, beds, strict=True):
                tasks.deliver_change.apply_async((change.pk,), queue=point)
            wait_until(lambda: all(bed.exists() and bed.read_text() for bed in beds.values()), "both are at the bed")
            sleepers = [int(bed.read_text()) for bed in beds.values()]
            for pid in sleepers:
                os.kill(pid, signal.SIGSTOP)
            await_applied(changes, sweep=True)
            arrived = segura.control.arrivals("update")
            for bed in beds.values():
                bed.unlink()
            for pid in sleepers:
                os.kill(pid, signal.SIGCONT)
            noted = lost_before + 2 * len(changes)  # once by the sweep, once by each when it woke up
            wait_until(lambda noted=noted: len(events("delivery.claim_lost")) == noted, "both have noticed")
            assert segura.control.arrivals("update") == arrived
    newest = [str(attempt.pk) for attempt in Attempt.objects.exclude(outcome__in=("", "not_sent"))]
    assert sorted(newest) == sorted(each["attempt_id"] for each in segura.control.arrivals("update"))
    check(segura.control, log=log)
