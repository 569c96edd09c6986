"""F21: workers are asked to stop, one after the other, while they deliver; each finishes what it has begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.changes.delivery import tasks
from portal.changes.models import Change
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, updates, usable
from tests.rig.checker import check
from tests.rig.rounds import rounds
from tests.rig.workers import workers
from tests.segura import events

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.shows("F21"),
    pytest.mark.timeout(rounds(180, 900)),
]


def test_rolling_restart_leaves_no_doubt(segura: Sandbox, approve_all: ManyChanges, tmp_path: Path) -> None:
    secrets = usable(segura.control, 20)
    segura.control.plan("slow:0.7", endpoint="update", times=None)
    with workers(tmp_path / "workers.log", {"SEGURA_GATEWAY_TIMEOUT_S": "0.2"}) as crew:
        staff = crew.start(3, concurrency=2)
        for number in range(rounds(1, 5)):
            made: list[Change] = []
            for place, worker in enumerate(staff):
                before = len(segura.control.arrivals("update"))
                share = approve_all(secrets[place :: len(staff)], notes=f"round {number}")
                for change in share:
                    tasks.deliver_change.delay(change.pk)
                made += share
                segura.control.wait(lambda journal, before=before: updates(journal) > before + 2)  # all are at work
                assert crew.retire(worker) == 0
                (staff[place],) = crew.start(1, concurrency=2)
            await_applied(made, sweep=True)
    assert events("change.in_doubt") == events("delivery.claim_lost") == []
    check(segura.control, log=tmp_path / "workers.log")
