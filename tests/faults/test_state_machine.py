"""Any order of acts and faults, as Hypothesis finds them: what must be true is true after every step (F22)."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from pytest_django.fixtures import Settings

from portal.changes import transitions
from portal.changes.delivery import circuit_breaker, sweep
from portal.changes.domain import secret_encryption
from portal.changes.models import LANE, Change, Status
from portal.changes.rules.guards import RuleViolation
from portal.changes.transitions import WrongState
from portal.changes.workflow import manual_resolution, review, submission
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from tests.faults.draws import (
    CRASHES,
    DAY_S,
    WORDS,
    fields,
    names,
    secrets,
    spoilt,
    spoilt_reads,
    spoilt_updates,
    which,
)
from tests.faults.world import HOLD_S, SECRETS, STILL, World, held, started
from tests.rig import invariants
from tests.rig.checker import check
from tests.rig.ground_truth import Truth
from tests.rig.portal import ROOT
from tests.rig.rounds import rounds
from tests.vouching import LOOKED, PRESENT

FAILING = Path(os.environ.get("FAULTS_EXAMPLES", ROOT / ".hypothesis" / "failing"))
"""Where failing runs are kept; the next run begins with them. FAULTS_SEED repeats a run as a whole."""
SHARES = rounds(1, 8)
"""The long form's runs are cut into as many tests, each with a seed of its own, so that every core has some."""
RUNS = rounds(15, 1000 // SHARES)
"""Of each share: with those on the other engine the long form comes to 2,000."""

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.shows("F22"),
    pytest.mark.timeout(rounds(180, 3600)),
]


class Machine(RuleBasedStateMachine):
    """Acts of people, machine and misfortune. It remembers what the vault held before the last step."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.seen_applications = 0
        world.edited.clear()
        world.markers.clear()
        world.begin()
        self.vault = world.vault()

    def teardown(self) -> None:
        world = self.world
        for secret in SECRETS:
            world.control.edit(secret, need_approval=False)
        world.drain()
        check(world.control, markers=world.markers, by_hand=world.edited)

    # --- People

    @rule(by=names, secret=secrets, fields=fields, new_value=st.booleans())
    def submit(self, by: str, secret: int, fields: dict[str, Any], new_value: bool) -> None:
        proposal = self.world.proposal(secret, fields, new_value=new_value)
        with suppress(RuleViolation):
            submission.submit_change(proposal, by=self.world.people[by])

    @rule(secret=secrets, fields=fields, new_value=st.booleans())
    def submit_and_approve(self, secret: int, fields: dict[str, Any], new_value: bool) -> None:
        proposal = self.world.proposal(secret, fields, new_value=new_value)
        change = submission.submit_change(proposal, by=self.world.people["ana"])
        self.vote(change, by="caio", approves=True)

    @rule(secret=secrets, fields=fields, new_value=st.booleans(), update=spoilt, crash_at=st.sampled_from(CRASHES))
    def submit_and_have_the_call_spoilt(
        self, secret: int, fields: dict[str, Any], new_value: bool, update: tuple[Any, ...], crash_at: str
    ) -> None:
        """What chance alone seldom brings about."""
        self.submit_and_approve(secret, fields, new_value)
        with self.never_while_paused():
            self.world.work(Change.objects.latest("pk").pk, *update, crash_at=crash_at)

    @rule(secret=secrets, fields=fields, point=st.sampled_from(STILL), first=spoilt_updates, second=spoilt_updates)
    def submit_and_have_the_worker_overtaken(
        self, secret: int, fields: dict[str, Any], point: str, first: tuple[Any, ...], second: tuple[Any, ...]
    ) -> None:
        """It freezes, its lease ends, another one takes over; then it goes on."""
        self.submit_and_approve(secret, fields, new_value=False)
        change = Change.objects.latest("pk").pk
        if not self.world.frozen and self.world.freeze(change, point, *first):
            self.world.end_leases()
            sweep.run_sweep()
            self.world.pass_time(40.0)
            self.world.work(change, *second)
            self.world.thaw()

    @rule(which=which, by=names, approves=st.booleans())
    def decide(self, which: int, by: str, approves: bool) -> None:
        change = self.one(which, Status.PENDING) or self.one(which)
        if change is not None:
            self.vote(change, by=by, approves=approves)

    def vote(self, change: Change, *, by: str, approves: bool) -> None:
        seen = {"revision": change.revision, "digest": change.get_current_revision().digest}
        person = self.world.people[by]
        with suppress(RuleViolation, WrongState):
            if approves:
                review.approve_change(change.pk, by=person, **seen, recent_auth=PRESENT, review_proof=LOOKED)
            else:
                review.reject_change(change.pk, by=person, reason="Not now", **seen, recent_auth=PRESENT)

    @rule(which=which, how=st.integers(0, 3), fields=fields, new_value=st.booleans())
    def follow_up(self, which: int, how: int, fields: dict[str, Any], new_value: bool) -> None:
        """Whatever people may do with a change that is not on its way, and what they may not."""
        change = self.one(which, Status.PENDING, Status.STALE, Status.FAILED, Status.NEEDS_ATTENTION) or self.one(which)
        if change is None:
            return
        admin = self.world.people["eva"]
        with suppress(RuleViolation, WrongState):
            if change.status == Status.FAILED:
                wanted = change.get_current_revision().secret_fingerprint
                value = next(
                    (
                        each
                        for each in self.world.markers
                        if secret_encryption.fingerprint_secret(SecretStr(each)) == wanted
                    ),
                    None,
                )
                manual_resolution.retry_change(
                    change.pk, by=change.requester, value=SecretStr(value) if value else None, recent_auth=PRESENT
                )
            elif change.status == Status.NEEDS_ATTENTION and how:
                manual_resolution.resolve_change(
                    change.pk, by=admin, applied=how == 1, reason="Looked", recent_auth=PRESENT
                )
            elif change.status == Status.NEEDS_ATTENTION:
                manual_resolution.recheck_change(change.pk, by=admin, recent_auth=PRESENT)
            elif how == 0:
                submission.withdraw_change(change.pk, by=change.requester)
            else:
                proposal = self.world.proposal(change.secret, fields, new_value=new_value)
                submission.revise_change(change.pk, proposal, by=change.requester)

    # --- Machine

    @rule(which=which, update=spoilt_updates, read=spoilt_reads, crash_at=st.sampled_from(CRASHES))
    def work(self, which: int, update: tuple[Any, ...], read: tuple[Any, ...], crash_at: str) -> None:
        change = self.one(which, Status.APPROVED, Status.IN_DOUBT) or self.one(which)
        if change is not None:
            with self.never_while_paused():
                self.world.work(change.pk, *update, *read, crash_at=crash_at)

    @rule(which=which, update=spoilt_updates)
    def work_on_what_is_due(self, which: int, update: tuple[Any, ...]) -> None:
        due = sweep.run_sweep()
        if due:
            with self.never_while_paused():
                self.world.work(due[which % len(due)], *update)

    @rule(which=which)
    def race(self, which: int) -> None:
        change = self.one(which, Status.APPROVED, Status.IN_DOUBT)
        if change is not None:
            self.world.race(change.pk)

    @rule()
    def sweep(self) -> None:
        sweep.run_sweep()

    # --- Misfortune

    @rule(which=which, point=st.sampled_from(STILL))
    def freeze_or_thaw(self, which: int, point: str) -> None:
        change = self.one(which, Status.APPROVED, Status.IN_DOUBT)
        if self.world.frozen:
            self.world.thaw()
        elif change is not None:
            self.world.freeze(change.pk, point)

    @rule(seconds=st.sampled_from((1.0, 1.0, 40.0, 40.0, HOLD_S + 1, HOLD_S + 1, 400.0, 400.0, DAY_S + 1, 8 * DAY_S)))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule()
    def leases_end(self) -> None:
        self.world.end_leases()

    @rule()
    def late_copies_arrive(self) -> None:
        self.world.let_late_copies_go()

    @rule(secret=secrets, field=st.sampled_from(("url", "notes", "tags")), word=st.sampled_from((*WORDS, "by hand")))
    def edit_by_hand(self, secret: int, field: str, word: str) -> None:
        """Not between a reading and its call, which to the portal are one moment: that window it cannot close."""
        if not self.world.frozen:
            self.world.control.edit(secret, **{field: word})
            self.world.edited.add(secret)

    @rule(secret=secrets, hidden=st.booleans())
    def hide(self, secret: int, hidden: bool) -> None:
        """Not in that window either: what counts is whether the reading could see it."""
        if not self.world.frozen:
            self.world.control.edit(secret, need_approval=hidden)

    @rule()
    def restart(self) -> None:
        self.world.restart()

    # --- What must be true

    @invariant()
    def what_must_be_true(self) -> None:
        truth = Truth.gathered(self.world.control)
        found = [
            *invariants.no_approved_change_is_lost(truth, settled=False),
            *invariants.every_arrival_was_written_down_before(truth),
            *invariants.applications_follow_the_fences(truth),
            *invariants.the_vault_holds_what_was_applied_last(truth, self.world.markers, self.world.edited),
            *invariants.one_change_of_a_secret_is_on_its_way(truth),
            *invariants.what_arrived_is_what_was_approved(truth, self.world.markers),
            *invariants.nobody_decided_on_their_own(truth),
            *invariants.ended_changes_hold_no_ciphertext(truth),
            *self.each_move_starts_where_the_last_one_ended(truth),
            *self.only_what_was_voted_over_is_overwritten(truth),
            *self.no_outcome_is_guessed(truth),
        ]
        assert not found, "\n".join(found)

    def each_move_starts_where_the_last_one_ended(self, truth: Truth) -> Iterator[str]:
        """By the log: nobody moves a change on from where it no longer is, and least of all one that ended."""
        for change, moves in truth.statuses.items():
            for (_, before), (place, _) in pairwise(moves):
                came_from = truth.log[place]["data"].get("from", str(Status.APPROVED))
                if came_from != before:
                    yield f"CR-{change} was moved on from {came_from} when it was {before}"

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
        self.vault = held(truth.vault)

    def no_outcome_is_guessed(self, truth: Truth) -> Iterator[str]:
        """After a call of unknown outcome: in doubt, repeated, seen to be applied, or a matter for a person."""
        newest = {attempt.change_id: attempt.outcome for attempt in truth.attempts.values()}
        closed = {event["change"] for event in truth.events("change.resolved")}
        for pk in newest.keys() - closed:
            change = truth.changes[pk]
            known = newest[pk] not in ("", "in_doubt") or change.status in (*LANE, Status.APPLIED)
            if not known and not (change.status == Status.APPROVED and change.in_doubt_since):
                yield f"CR-{pk} is {change.status}, though nobody knows what became of its last call"

    def one(self, which: int, *statuses: Status) -> Change | None:
        """A change in one of these, or in any; what is drawn must not depend on what is there."""
        found = list(Change.objects.filter(status__in=statuses or Status).order_by("pk"))
        return found[which % len(found)] if found else None

    @contextmanager
    def never_while_paused(self) -> Iterator[None]:
        """While delivery is paused and the next try is ahead, no change is taken up."""
        pause, before = circuit_breaker.current_pause(), started()
        soon = transitions.db_now() + timedelta(seconds=10)  # what the step itself may take
        waits = pause is not None and pause.probe_at is not None and pause.probe_at > soon
        yield
        assert not waits or started() == before, "a change was taken up while delivery was paused"


@pytest.mark.parametrize("share", range(SHARES))
def test_no_order_of_acts_and_faults_breaks_what_must_be_true(
    share: int, segura: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch, no_queue: None
) -> None:
    settings.DELIVERY_HOLD_S, settings.DELIVERY_BACKOFF_S = HOLD_S, 5.0
    settings.DELIVERY_PROBE_EVERY_S, settings.DELIVERY_LEASE_S = 30.0, 60
    world = World(segura, monkeypatch)
    seed = share + int(os.environ.get("FAULTS_SEED", 0 if "CI" in os.environ else random.randrange(2**32)))
    print(f"FAULTS_SEED={seed - share}, failing runs in {FAILING}")  # noqa: T201 - pytest shows it where it fails
    how = hypothesis.settings(
        max_examples=RUNS,
        stateful_step_count=rounds(25, 50),
        deadline=None,
        derandomize=False,
        database=DirectoryBasedExampleDatabase(FAILING),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(hypothesis.seed(seed)(lambda: Machine(world)), settings=how)
