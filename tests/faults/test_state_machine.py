"""Any order of acts and faults, as Hypothesis finds them: what must be true is true after every step (F22)."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from pytest_django.fixtures import Settings

from portal.changes import aftermath, breaker, reconcile, sealed, transitions, workflow
from portal.changes.models import Change, Status
from portal.changes.rules import Refused
from portal.changes.transitions import WrongState
from portal.sandbox import Sandbox
from portal.vault import Secret
from tests.faults.world import HOLD_S, POINTS, SECRETS, STILL, World, started
from tests.rig import invariants
from tests.rig.checker import check
from tests.rig.ground_truth import Truth
from tests.rig.portal import ROOT
from tests.rig.rounds import rounds

FAILING = Path(os.environ.get("FAULTS_EXAMPLES", ROOT / ".hypothesis" / "failing"))
"""Where failing runs are kept; the next run begins with them. FAULTS_SEED repeats a run as a whole."""

pytestmark = [pytest.mark.domain, pytest.mark.django_db(transaction=True), pytest.mark.shows("F22")]

DAY_S = 86_400.0
UNANSWERED = (
    "502", "503", "503_after_apply", "504_before_apply", "504_after_apply", "500_envelope", "html_502", "drop",
    "drop_before", "reset", "reset_before", "cut_status_line", "empty_201", "html_201", "broken_json", "error_true",
    "other_identifier", "wrong_code",
)  # fmt: skip
TURNED_AWAY = ("401", "no_route", "429:7", "503_no_peer")
REFUSED = ("refuse:1006:User does not have access", "refuse:1005:Api secret not found")
WORDS = ("red", "green", "blue")

names = st.sampled_from(("ana", "bia", "caio", "davi", "eva"))
secrets = st.sampled_from(SECRETS)
fields = st.one_of(
    st.dictionaries(st.sampled_from(("url", "notes", "tags")), st.sampled_from(WORDS), min_size=1, max_size=2),
    st.sampled_from(([["alices", True]], [["alices", False], ["nobody-knows-me", True]])).map(
        lambda shares: {"users_allowed": shares}
    ),
)
spoilt_updates = st.one_of(
    st.just(()),
    st.builds(
        lambda fault, apply, late: ({"fault": fault, "endpoint": "update", "apply": apply, "replays": [-1.0] * late},),
        st.sampled_from(UNANSWERED),
        st.sampled_from(("", "before", "never")),
        st.integers(0, 2),
    ),
    st.sampled_from((*TURNED_AWAY, *REFUSED)).map(lambda fault: ({"fault": fault, "endpoint": "update", "times": 2},)),
)
spoilt_reads = st.one_of(
    st.just(()),
    st.sampled_from(("502", "drop", "html_502", "401", "no_route", *REFUSED)).map(
        lambda fault: ({"fault": fault, "endpoint": "get", "times": 2},)
    ),
)


class Machine(RuleBasedStateMachine):
    """Acts of people, machine and misfortune. It remembers what ended, and what the vault held before the last step."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.final: dict[int, str] = {}
        self.seen_applications = 0
        world.edited.clear()
        world.markers.clear()
        world.begin()
        self.vault = world.vault()

    def teardown(self) -> None:
        world = self.world
        for secret in SECRETS:
            world.segura.control.edit(secret, need_approval=False)
        world.drain()
        try:
            check(world.segura.control, markers=world.markers, by_hand=world.edited)
        finally:
            world.thaw(killed=True)

    # --- People

    @rule(by=names, secret=secrets, fields=fields, new_value=st.booleans())
    def submit(self, by: str, secret: int, fields: dict[str, Any], new_value: bool) -> None:
        proposal = self.world.proposal(secret, fields, new_value=new_value)
        with suppress(Refused):
            workflow.submit(proposal, by=self.world.people[by])

    @rule(secret=secrets, fields=fields, new_value=st.booleans())
    def submit_and_approve(self, secret: int, fields: dict[str, Any], new_value: bool) -> None:
        proposal = self.world.proposal(secret, fields, new_value=new_value)
        change = workflow.submit(proposal, by=self.world.people["ana"])
        self.vote(change, by="caio", approves=True)

    @rule(data=st.data(), fields=fields, new_value=st.booleans())
    def revise(self, data: st.DataObject, fields: dict[str, Any], new_value: bool) -> None:
        change = self.one(data, Status.PENDING, Status.STALE)
        if change is not None:
            proposal = self.world.proposal(change.secret, fields, new_value=new_value)
            workflow.revise(change.pk, proposal, by=change.requester)

    @rule(data=st.data(), by=names, approves=st.booleans())
    def decide(self, data: st.DataObject, by: str, approves: bool) -> None:
        change = self.one(data, Status.PENDING) or self.one(data, *Status)
        if change is not None:
            self.vote(change, by=by, approves=approves)

    def vote(self, change: Change, *, by: str, approves: bool) -> None:
        seen = {"revision": change.revision, "digest": change.current().digest}
        person = self.world.people[by]
        with suppress(Refused, WrongState):
            if approves:
                workflow.approve(change.pk, by=person, **seen)
            else:
                workflow.reject(change.pk, by=person, reason="Not now", **seen)

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        change = self.one(data, Status.PENDING, Status.STALE, Status.APPROVED)
        if change is not None:
            with suppress(WrongState):
                workflow.withdraw(change.pk, by=change.requester)

    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        change = self.one(data, Status.FAILED)
        if change is not None:
            wanted = change.current().secret_fingerprint
            value = next((each for each in self.world.markers if sealed.fingerprint(Secret(each)) == wanted), None)
            with suppress(Refused):
                aftermath.retry(change.pk, by=change.requester, value=Secret(value) if value else None)
                self.final.pop(change.pk, None)

    @rule(data=st.data())
    def recheck(self, data: st.DataObject) -> None:
        change = self.one(data, Status.NEEDS_HUMAN)
        if change is not None:
            aftermath.recheck(change.pk, by=self.world.people["eva"])

    @rule(data=st.data(), applied=st.booleans())
    def close(self, data: st.DataObject, applied: bool) -> None:
        change = self.one(data, Status.NEEDS_HUMAN)
        if change is not None:
            aftermath.close(change.pk, by=self.world.people["eva"], applied=applied, reason="Looked")

    # --- Machine

    @rule(data=st.data(), update=spoilt_updates, read=spoilt_reads, crash_at=st.sampled_from(("", "", *POINTS)))
    def work(self, data: st.DataObject, update: tuple[Any, ...], read: tuple[Any, ...], crash_at: str) -> None:
        change = self.one(data, Status.APPROVED, Status.IN_DOUBT) or self.one(data, *Status)
        if change is not None:
            with self.never_while_paused():
                self.world.work(change.pk, *update, *read, crash_at=crash_at)

    @rule(data=st.data(), update=spoilt_updates)
    def work_on_what_is_due(self, data: st.DataObject, update: tuple[Any, ...]) -> None:
        due = reconcile.sweep()
        if due:
            with self.never_while_paused():
                self.world.work(data.draw(st.sampled_from(due)), *update)

    @rule(data=st.data())
    def race(self, data: st.DataObject) -> None:
        change = self.one(data, Status.APPROVED, Status.IN_DOUBT)
        if change is not None:
            self.world.race(change.pk)

    @rule()
    def sweep(self) -> None:
        reconcile.sweep()

    # --- Misfortune

    @precondition(lambda self: not self.world.frozen)
    @rule(data=st.data(), point=st.sampled_from(STILL))
    def freeze(self, data: st.DataObject, point: str) -> None:
        change = self.one(data, Status.APPROVED, Status.IN_DOUBT)
        if change is not None:
            self.world.freeze(change.pk, point)

    @precondition(lambda self: self.world.frozen)
    @rule()
    def thaw(self) -> None:
        self.world.thaw()

    @rule(seconds=st.sampled_from((1.0, 40.0, HOLD_S + 1, 400.0, DAY_S + 1, 8 * DAY_S)))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def leases_end(self) -> None:
        self.world.end_leases()

    @rule()
    def late_copies_arrive(self) -> None:
        self.world.let_late_copies_go()

    # A reading and its call are one moment to the portal: an edit in between is the window it is known not to close.
    @precondition(lambda self: not self.world.frozen)
    @rule(secret=secrets, field=st.sampled_from(("url", "notes", "tags")), word=st.sampled_from((*WORDS, "by hand")))
    def edit_by_hand(self, secret: int, field: str, word: str) -> None:
        self.world.segura.control.edit(secret, **{field: word})
        self.world.edited.add(secret)

    @rule(secret=secrets, hidden=st.booleans())
    def hide(self, secret: int, hidden: bool) -> None:
        self.world.segura.control.edit(secret, need_approval=hidden)

    @rule()
    def restart(self) -> None:
        self.world.restart()

    # --- What must be true

    @invariant()
    def what_must_be_true(self) -> None:
        truth = Truth.gathered(self.world.segura.control)
        found = [
            *invariants.no_approved_change_is_lost(truth, settled=False),
            *invariants.every_arrival_was_written_down_before(truth),
            *invariants.applications_follow_the_fences(truth),
            *invariants.the_vault_holds_what_was_applied_last(truth, self.world.markers, self.world.edited),
            *invariants.one_change_of_a_secret_is_on_its_way(truth),
            *invariants.what_arrived_is_what_was_approved(truth, self.world.markers),
            *invariants.nobody_decided_on_their_own(truth),
            *invariants.ended_changes_hold_no_ciphertext(truth),
            *self.what_ended_stays_ended(truth),
            *self.only_what_was_voted_over_is_overwritten(truth),
        ]
        assert not found, "\n".join(found)

    def what_ended_stays_ended(self, truth: Truth) -> list[str]:
        moved = [pk for pk, status in self.final.items() if truth.changes[pk].status != status]
        self.final |= {pk: row.status for pk, row in truth.changes.items() if row.status in transitions.ENDED}
        return [f"CR-{pk} was {self.final[pk]} and moved on" for pk in moved]

    def only_what_was_voted_over_is_overwritten(self, truth: Truth) -> Iterator[str]:
        """A call that the portal sent found each field as it was voted over, or as an earlier call of it left it."""
        for application in truth.applications[self.seen_applications :]:
            attempt = truth.attempts[application["attempt_id"]]
            revision, before = truth.revision_of(attempt), self.vault[application["identifier"]]
            if application["replay"] or revision.base is None or before["need_approval"]:
                continue
            for name, value in revision.base.items():
                if before[name] not in (value, revision.patch.get(name, value)):
                    yield f"CR-{attempt.change_id} overwrote a value of {name} that nobody had voted over"
        self.seen_applications = len(truth.applications)
        self.vault = self.world.vault()

    def one(self, data: st.DataObject, *statuses: Status) -> Change | None:
        """A change in one of these; None where there is none."""
        found = list(Change.objects.filter(status__in=statuses).order_by("pk"))
        return data.draw(st.sampled_from(found), label="change") if found else None

    @contextmanager
    def never_while_paused(self) -> Iterator[None]:
        """While delivery is paused and the next try is ahead, no change is taken up."""
        pause, before = breaker.pause(), started()
        waits = pause is not None and pause.next_at is not None and pause.next_at > transitions.db_now()
        yield
        assert not waits or started() == before, "a change was taken up while delivery was paused"


def test_no_order_of_acts_and_faults_breaks_what_must_be_true(
    segura: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch, no_queue: None
) -> None:
    settings.DELIVERY_HOLD_S, settings.DELIVERY_BACKOFF_S, settings.DELIVERY_PROBE_EVERY_S = HOLD_S, 1.0, 30.0
    settings.DELIVERY_LEASE_S = 60
    world = World(segura, monkeypatch)
    seed = int(os.environ.get("FAULTS_SEED", random.randrange(2**32)))
    print(f"FAULTS_SEED={seed}, failing runs in {FAILING}")  # noqa: T201 - pytest shows it where it fails
    how = hypothesis.settings(
        max_examples=rounds(15, 2000),
        stateful_step_count=rounds(25, 50),
        deadline=None,
        derandomize=False,
        database=DirectoryBasedExampleDatabase(FAILING),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(hypothesis.seed(seed)(lambda: Machine(world)), settings=how)
