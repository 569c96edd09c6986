"""Hours in minutes: changes without end while everything goes wrong every fifth time, and nothing swells."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Attempt, Change, Status
from portal.changes.workflow import manual_resolution, submission
from portal.sandbox import Control, Sandbox
from tests.changing import approve
from tests.faults.conftest import PATIENT, updates, usable
from tests.rig.checker import check
from tests.rig.markers import Marker
from tests.rig.proxy import Proxy, through, upstream_of
from tests.rig.rounds import LONG, rounds
from tests.rig.visitor import Visitor
from tests.rig.workers import Process, Workers, database_url, workers
from tests.vouching import PRESENT

CHANGES, SPAN_S = rounds(20, 2000), rounds(15, 3600)
SECRETS = rounds(10, 20)
SHARE = 0.2
"""So much of what is sent meets a fault, and so often a process or a connection does."""
FAULTS = (
    "502", "503", "503_no_peer", "503_after_apply", "504_before_apply", "504_after_apply", "html_502", "429",
    "no_route", "401", "500_envelope", "refuse:1:Temporary", "drop", "drop_before", "reset", "reset_before", "slow:2",
    "drip", "drip_headers", "cut_status_line", "cut_body", "empty_201", "html_201", "big_body:3", "other_identifier",
    "error_true", "wrong_code", "broken_json",
)  # fmt: skip
ENDED = (Status.APPLIED, Status.FAILED, Status.STALE)
SETTLED_WITHIN_S = 240

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.timeout(SPAN_S + SETTLED_WITHIN_S + 300),
]


@dataclass
class Body:
    """What a process and its children hold; weighed from the beginning when another one took its place."""

    name: str
    process: Process
    lives: int = 1
    sizes: list[tuple[float, int, int]] = field(default_factory=list)

    def weigh(self, at: float) -> None:
        """One more line: seconds, memory in MB, files and sockets."""
        parent = psutil.Process(self.process.pid)
        family = [parent, *parent.children(recursive=True)]
        memory = sum(each.memory_info().rss for each in family) >> 20
        self.sizes.append((at, memory, sum(each.num_fds() for each in family)))

    def succeeded_by(self, process: Process) -> None:
        """Whoever supervises it started another."""
        self.process, self.sizes = process, []
        self.lives += 1

    def growth(self) -> tuple[float, int]:
        """Of memory, as a ratio, and of open files, between the first quarter of the time and its end."""
        early = self.sizes[len(self.sizes) // 4]
        late = self.sizes[-1]
        return late[1] / early[1], late[2] - early[2]


@dataclass
class Misfortune:
    """What goes wrong beside the calls themselves. `doomed` are the workers that may be killed."""

    crew: Workers
    doomed: list[Process]
    proxies: tuple[Proxy, ...]
    chance: random.Random
    seen: dict[str, int] = field(default_factory=dict)

    def strike(self) -> None:
        """One of them, chosen at random; connections that were frozen move again when it returns."""
        name = self.chance.choice(("kill a worker", "kill a child", "reset", "freeze", "refuse"))
        self.seen[name] = self.seen.get(name, 0) + 1
        proxy = self.chance.choice(self.proxies)
        if name == "kill a worker":
            victim = self.doomed.pop(0)
            self.crew.kill([victim])
            self.doomed += self.crew.start(1, concurrency=2)
        elif name == "kill a child":
            children = psutil.Process(self.doomed[0].pid).children()
            for child in children[:1]:
                child.kill()
        elif name == "reset":
            proxy.reset()
        else:
            (proxy.freeze if name == "freeze" else proxy.down)()
            time.sleep(self.chance.uniform(0.2, 3))
            proxy.thaw()


@pytest.mark.shows("F16")
def test_nothing_is_lost_and_nothing_swells_while_every_fifth_thing_goes_wrong(
    segura: Sandbox,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    admin: User,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    secrets = cycle(usable(segura.control, SECRETS))
    markers: list[Marker] = []  # few: each is looked for in all that was written
    with crew_behind_proxies(tmp_path) as (crew, proxies):
        steady, *doomed = crew.start(3, concurrency=2)
        bodies = [Body("worker", steady), Body("clock", crew.start_beat())]
        web = crew.start_web()
        bodies.append(Body("web", crew.newest))
        reader = Visitor.sign_in(web, approver.username, f"{approver.username}-correct-horse")
        misfortune = Misfortune(crew, doomed, proxies, chance)
        began, made = time.monotonic(), 0
        while made < CHANGES:
            made += 1
            value = Marker.new(f"the value of change {made}") if made % 20 == 1 else None
            markers += [value] if value else []
            identifier = next(secrets)
            if chance.random() < SHARE:
                segura.control.plan(chance.choice(FAULTS), endpoint="update", identifier=identifier)
            proposal = propose(identifier=identifier, base=None, value=value or "", notes=f"number {made}")
            approve(submission.submit_change(proposal, by=requester), approver)
            if chance.random() < SHARE / 4:
                misfortune.strike()
            if made % max(1, CHANGES // 100) == 0:
                reader.get("/changes/")
                people_see_to_it(admin, segura.control)
                supervise(crew, bodies, doomed)
                for body in bodies:
                    body.weigh(time.monotonic() - began)
            time.sleep(max(0.0, began + made * SPAN_S / CHANGES - time.monotonic()))
        settle(admin, segura.control)
        supervise(crew, bodies, doomed)
        for body in bodies:
            body.weigh(time.monotonic() - began)
    calls = updates(segura.control.journal())
    record_property("figures", report(seed, time.monotonic() - began, misfortune, bodies, calls))
    check(segura.control, markers=markers, log=crew.log)
    assert Attempt.objects.count() >= CHANGES
    if LONG:
        assert {body.name: body.growth() for body in bodies if body.growth()[0] > 1.1 or body.growth()[1] > 8} == {}


def supervise(crew: Workers, bodies: list[Body], doomed: list[Process]) -> None:
    """Whoever ended by itself, as the watchdog of a deaf worker does, has a successor."""
    for gone, successor in crew.revive().items():
        for body in bodies:
            if body.process is gone:
                body.succeeded_by(successor)
        doomed[:] = [successor if each is gone else each for each in doomed]


def people_see_to_it(admin: User, control: Control) -> None:
    """Whoever operates the portal has what needs a person checked again, and the second time looks in Segura."""
    for change in Change.objects.filter(status=Status.NEEDS_ATTENTION):
        if Event.objects.filter(change=change.pk, action="change.rechecked").exists():
            applied = control.secret(change.secret)["notes"] == change.get_current_revision().patch["notes"]
            manual_resolution.resolve_change(
                change.pk, by=admin, applied=applied, reason="Looked it up in Segura", recent_auth=PRESENT
            )
        else:
            manual_resolution.recheck_change(change.pk, by=admin, recent_auth=PRESENT)


def settle(admin: User, control: Control) -> None:
    """Until every change has ended; raises AssertionError that names those that have not."""
    ends = time.monotonic() + SETTLED_WITHIN_S
    while left := list(Change.objects.exclude(status__in=ENDED).values_list("pk", "status", "cause")):
        assert time.monotonic() < ends, f"stuck: {left}"
        people_see_to_it(admin, control)
        time.sleep(1)


@contextmanager
def crew_behind_proxies(folder: Path) -> Iterator[tuple[Workers, tuple[Proxy, Proxy]]]:
    """Processes that reach Redis and the database by way of what can be broken."""
    broker = settings.REDIS_URL
    with Proxy(upstream_of(broker)) as redis, Proxy(upstream_of(database_url())) as database:
        environment = {
            **PATIENT,
            "REDIS_URL": through(redis, broker),
            "DATABASE_URL": through(database, database_url()),
            "DELIVERY_SPOOL_DIR": str(folder / "spool"),
        }
        with workers(folder / "portal.log", environment) as crew:
            yield crew, (redis, database)


def report(seed: int, took_s: float, misfortune: Misfortune, bodies: list[Body], calls: int) -> str:
    """For whoever ran it."""
    ended = {status.value: Change.objects.filter(status=status).count() for status in ENDED}
    lines = [
        f"soak: {CHANGES} changes in {took_s:.0f} s (seed {seed}); {ended}; {calls} calls arrived;",
        f"  {misfortune.seen}; {Event.objects.count()} events; memory in MB, open files, by time:",
    ]
    for body in bodies:
        shown = body.sizes[:: max(1, len(body.sizes) // 6)] + body.sizes[-1:]
        grown = ", ".join(f"{at:.0f} s {size} {files}" for at, size, files in shown)
        lines.append(f"  {body.name}, {body.lives} lives: {grown}")
    return "\n".join(lines)
