"""F20: a worker whose clock is two hours wrong neither takes over early nor late, and dates nothing in the log."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.changes.delivery import tasks
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, usable
from tests.rig.checker import check
from tests.rig.portal import QUICK, ROOT
from tests.rig.rounds import rounds
from tests.rig.visitor import wait_until
from tests.rig.workers import workers
from tests.segura import events

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.shows("F20"),
    pytest.mark.timeout(rounds(180, 900)),
]
LEASE_S = float(QUICK["DELIVERY_LEASE_S"])


@pytest.mark.parametrize("hours", [2, -2])
def test_worker_with_a_wrong_clock_keeps_to_the_leases_of_the_database(
    segura: Sandbox, approve_all: ManyChanges, tmp_path: Path, hours: int
) -> None:
    """It alone sweeps, while a worker with the right clock stands still in the middle of a delivery."""
    log, bed, secrets = tmp_path / "workers.log", tmp_path / "bed", usable(segura.control, 2)
    path = os.pathsep.join([str(ROOT / "tests" / "rig" / "shifted"), str(ROOT)])
    began = datetime.now(UTC)
    with workers(log, {"SEGURA_GATEWAY_TIMEOUT_S": "0.2"}) as crew:
        crew.start(1, concurrency=2, PYTHONPATH=path, CLOCK_SHIFT_S=str(hours * 3600))
        crew.start(1, queue="sleepy", pool="solo", PORTAL_FAILPOINT=f"intended:{bed}")
        (slow,), (quick,) = approve_all(secrets[:1]), approve_all(secrets[1:])
        tasks.deliver_change.apply_async((slow.pk,), queue="sleepy")
        wait_until(bed.exists, "a worker stands still")
        tasks.deliver_change.delay(quick.pk)
        await_applied([quick])

        await_applied([slow], sweep=True)
    (started, *_), (lost, *_) = events("delivery.started"), events("delivery.claim_lost")
    held = datetime.fromisoformat(lost["at"]) - datetime.fromisoformat(started["at"])
    assert LEASE_S <= held.total_seconds() <= LEASE_S + 15
    for event in (*events("delivery.answered"), *events("change.applied"), *events("vault.responded")):
        assert began <= datetime.fromisoformat(event["at"]) <= datetime.now(UTC)
    assert any(wrong(event, hours) for event in events("vault.responded"))
    check(segura.control, log=log)


def wrong(event: dict[str, dict[str, str]], hours: int) -> bool:
    """Whether the worker that made this call was really mistaken: its own word of when is in the data."""
    said, at = datetime.fromisoformat(event["data"]["started_at"]), datetime.fromisoformat(str(event["at"]))
    return abs((said - at).total_seconds() - hours * 3600) < 60
