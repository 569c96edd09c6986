"""kill -9 of workers while their call is on its way: nothing lost, nothing out of order, nothing unrecorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.accounts.models import User
from portal.catalog import connection, details
from portal.changes import tasks, workflow
from portal.changes.models import Change, Status
from portal.changes.patch import Sight
from portal.changes.proposal import Proposal
from portal.sandbox import Sandbox
from tests.changing import approve
from tests.people import mirrored
from tests.rig.checker import check
from tests.rig.rounds import rounds
from tests.rig.workers import workers
from tests.segura import events

KILLS = rounds(50, 200)
AT_ONCE = 5

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.xdist_group("killed_workers"),
    pytest.mark.timeout(rounds(420, 3600)),
    pytest.mark.shows("F03"),
]


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = 60) -> None:
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends, f"it never came to this: {what}"
        time.sleep(0.05)


def test_fifty_workers_killed_between_sending_and_answer(
    segura: Sandbox,
    no_queue: None,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    tmp_path: Path,
) -> None:
    listed = [row for row in segura.control.secrets() if row["active"] and not row["need_approval"]]
    secrets = [int(row["identifier"]) for row in listed][:AT_ONCE]
    for identifier in secrets:
        mirrored(identifier, f"secret {identifier}")

    def round_of_changes(number: int) -> list[Change]:
        client = connection.connect()
        made = []
        for identifier in secrets:
            seen = details.read(client, identifier)
            base = Sight(dict(seen.fields), seen.secret_fingerprint)
            proposal = propose(identifier=identifier, base=base, value=f"v{number}", notes=f"round {number}")
            made.append(approve(workflow.submit(proposal, by=requester), approver))
        return made

    with workers(tmp_path / "workers.log") as crew:
        crew.start_beat()
        number = 0
        while len(events("delivery.lost")) < KILLS:  # a call that timed out before the kill does not count
            number += 1
            assert number < 2 * KILLS // AT_ONCE
            segura.control.plan("hold", endpoint="update", times=AT_ONCE, apply="before" if number % 2 else "never")
            doomed = crew.start(AT_ONCE)
            changes = round_of_changes(number)
            for change in changes:  # all at the same moment, well within the deadline of a call
                tasks.deliver.delay(change.pk)
            wait_until(lambda: segura.control.journal()["held"] == AT_ONCE, "all calls are on their way")
            crew.kill(doomed)
            segura.control.clear_faults()
            segura.control.release()
            rescue = crew.start(1, concurrency=2)
            ids = [change.pk for change in changes]
            wait_until(
                lambda ids=ids: Change.objects.filter(pk__in=ids, status=Status.APPLIED).count() == AT_ONCE,
                f"all changes of round {number} are applied",
            )
            crew.kill(rescue)

    assert Change.objects.exclude(status=Status.APPLIED).count() == 0
    check(segura.control, log=tmp_path / "workers.log")
