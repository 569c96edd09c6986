"""Workers that die by kill -9 at a named instant of a delivery: nothing lost, nothing sent that should not be.

Most of them are children of a pool, which replaces them; in each round some whole workers die, main process and all.
Doomed workers have queues of their own; whoever comes after them takes what the sweep finds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from portal.changes.delivery import tasks
from portal.changes.models import Attempt, Change, Status
from portal.sandbox import Sandbox
from tests.faults.conftest import PATIENT, ManyChanges, await_applied, usable
from tests.rig.checker import check
from tests.rig.markers import Marker
from tests.rig.rounds import rounds
from tests.rig.visitor import wait_until
from tests.rig.workers import workers
from tests.segura import events

KILLS = rounds(5, 200)
AT_ONCE = rounds(5, 20)
WHOLE = rounds(1, 2)  # of those: a whole worker, not a child of its pool
LEASE_S = float(PATIENT["DELIVERY_LEASE_S"])

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.timeout(rounds(180, 3600)),
]


@pytest.fixture
def killed(
    segura: Sandbox, approve_all: ManyChanges, tmp_path: Path, record_property: Callable[[str, object], None]
) -> Killed:
    return Killed(segura, approve_all, tmp_path / "workers.log", record_property)


class Killed:
    """Rounds of changes over each of which a worker dies."""

    def __init__(
        self, segura: Sandbox, approve_all: ManyChanges, log: Path, tell: Callable[[str, object], None]
    ) -> None:
        self.segura, self.approve_all, self.log, self.tell = segura, approve_all, log, tell

    def at(self, point: str, fault: str = "") -> list[tuple[int, int]]:
        """Change and fence of every killed delivery, at least KILLS, after all changes were applied and checked.

        `fault` is what half of the updates of a round meet.
        """
        secrets = usable(self.segura.control, AT_ONCE)
        markers: list[Marker] = []
        with workers(self.log, PATIENT) as crew:
            crew.start(1, concurrency=4)
            crew.start(1, concurrency=AT_ONCE // 2 + 1, queue="doomed", PORTAL_FAILPOINT=point)
            while len(self.deaths()) < KILLS:
                assert len(markers) < 2 * KILLS // AT_ONCE, "workers outlive their crash point"
                markers.append(Marker.new(f"the value of round {len(markers) + 1}"))
                whole = crew.start(WHOLE, queue="doomed as a whole", pool="solo", PORTAL_FAILPOINT=point)
                self.segura.control.plan(fault, endpoint="update", times=AT_ONCE // 2)
                changes = self.approve_all(secrets, value=markers[-1], notes=f"round {len(markers)}")
                for number, change in enumerate(changes):
                    queue = "doomed as a whole" if number < WHOLE else "doomed"
                    tasks.deliver_change.apply_async((change.pk,), queue=queue)
                ids = [change.pk for change in changes]
                waiting = Change.objects.filter(pk__in=ids, status=Status.APPROVED, fence=0)
                wait_until(lambda waiting=waiting: not waiting.exists(), "all have been taken up")
                await_applied(changes, sweep=True)
                self.segura.control.clear_faults()
                crew.kill(whole)
        check(self.segura.control, markers=markers, log=self.log)
        deaths = self.deaths()
        self.tell("figures", f"killed {len(deaths)} times at {point}, in {len(markers)} rounds of {AT_ONCE} changes")
        return deaths

    @staticmethod
    def deaths() -> list[tuple[int, int]]:
        return [(event["change"], event["data"]["fence"]) for event in events("delivery.claim_lost")]


def attempts_of(change: int) -> list[Attempt]:
    return list(Attempt.objects.filter(change=change).order_by("started_at"))


def arrivals_of(segura: Sandbox, change: int) -> list[str]:
    """The attempts of the change that reached the vault."""
    ours = {str(attempt.pk) for attempt in attempts_of(change)}
    return [each["attempt_id"] for each in segura.control.arrivals("update") if each["attempt_id"] in ours]


@pytest.mark.shows("F01")
def test_worker_killed_before_its_attempt_is_committed_has_sent_nothing(killed: Killed, segura: Sandbox) -> None:
    deaths = killed.at("prepared")
    started = events("delivery.started")
    began = {(event["change"], event["data"]["fence"]): datetime.fromisoformat(event["at"]) for event in started}
    for change, fence in deaths:
        (attempt,) = attempts_of(change)
        assert (attempt.fence, attempt.outcome) == (fence + 1, "applied")
        assert arrivals_of(segura, change) == [str(attempt.pk)]
        assert (began[change, fence + 1] - began[change, fence]).total_seconds() <= LEASE_S + 15


@pytest.mark.shows("F02")
def test_worker_killed_between_intent_and_call_leaves_a_doubt_and_the_same_bytes_go_once(
    killed: Killed, segura: Sandbox
) -> None:
    for change, fence in killed.at("intended"):
        lost, sent = attempts_of(change)
        assert (lost.fence, lost.outcome, sent.outcome, lost.digest) == (fence, "", "applied", sent.digest)
        assert arrivals_of(segura, change) == [str(sent.pk)]
        assert doubted(change)


@pytest.mark.shows("F04")
def test_worker_killed_with_the_answer_in_hand_leaves_a_doubt_and_at_most_one_further_call(
    killed: Killed, segura: Sandbox
) -> None:
    for change, fence in killed.at("answered", "504_before_apply"):
        lost, *further = attempts_of(change)
        assert (lost.fence, lost.outcome) == (fence, "")
        assert [attempt.outcome for attempt in further] in ([], ["applied"])
        assert {attempt.digest for attempt in further} <= {lost.digest}
        assert arrivals_of(segura, change) == [str(attempt.pk) for attempt in (lost, *further)]
        assert doubted(change)


def doubted(change: int) -> bool:
    causes = [event["data"]["cause"] for event in events("change.in_doubt") if event["change"] == change]
    return causes == ["worker_lost"]
