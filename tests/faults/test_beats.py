"""F15: several clocks sweep at once, and each change is still one call."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from portal.changes.models import Attempt, Change
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, usable
from tests.rig.checker import check
from tests.rig.rounds import rounds
from tests.rig.workers import workers
from tests.segura import events

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.shows("F15"),
    pytest.mark.timeout(rounds(180, 3600)),
]


def test_three_beats_cause_one_call_for_each_change(segura: Sandbox, approve_all: ManyChanges, tmp_path: Path) -> None:
    """Nothing is published but what the sweeps find."""
    secrets, made = usable(segura.control, rounds(10, 20)), list[Change]()
    ends = time.monotonic() + rounds(5, 600)
    with workers(tmp_path / "workers.log", {"SWEEP_EVERY_S": "0.2", "SEGURA_GATEWAY_TIMEOUT_S": "0.2"}) as crew:
        beats = [crew.start_beat() for _ in range(3)]
        crew.start(2, concurrency=2)
        while time.monotonic() < ends or not made:
            changes = approve_all(secrets, notes=f"change {len(made)}")
            made += changes
            await_applied(changes)
        assert [beat.poll() for beat in beats] == [None, None, None]
    assert len(segura.control.arrivals("update")) == Attempt.objects.count() == len(made)
    assert events("delivery.claim_lost") == []
    check(segura.control, log=tmp_path / "workers.log")
