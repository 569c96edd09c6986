"""What people do: approving and submitting, each beside the least such POST, alone and eight at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial

from portal.accounts.models import User
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal, encode_proposal
from portal.changes.models import Revision, Status
from tests.bench.bench import CSRF, Bench, backlog, base_of, visitor
from tests.bench.history import FIRST_SECRET, People
from tests.bench.load import Visitor, shared, timed
from tests.bench.outcome import Row, cost
from tests.bench.steadiness import percentile

_EACH = 150


def approve(bench: Bench) -> Iterator[Row]:
    """One vote; B6 is what the peers need for theirs."""
    who = bench.past(bench.large)
    port, web = bench.portal()
    floor_port, floor_web, _ = bench.minimal_site()
    ours: list[tuple[float, float, float]] = []
    floor: list[tuple[float, float, float]] = []
    with bench.watch() as watch:
        for _ in range(bench.options.rounds):
            ours.append(vote_figures(who, port))
            waiting = bench.floor_waiting(2 * _EACH)
            ticks = [bench.floor_visitor(floor_port) for _ in range(8)]
            floor.append(_figures([partial(_tick, tick) for tick in ticks], waiting))
    yield from _told("approve", "one approval", ours, floor, "minimal approval", watch.stolen, goal=0)
    bench.engine.stop(web, floor_web)


def vote_figures(who: People, port: int) -> tuple[float, float, float]:
    """p50 and p95 of one approver's votes, then milliseconds a vote where eight vote at once."""
    voters = [visitor(who.approvers[number], port) for number in range(8)]
    return _figures([partial(_vote, voter) for voter in voters], ballots(who, 2 * _EACH))


def submit(bench: Bench) -> Iterator[Row]:
    """Putting a proposal up for decision."""
    who = bench.past(bench.large)
    port, web = bench.portal()
    floor_port, floor_web, _ = bench.minimal_site()
    ours: list[tuple[float, float, float]] = []
    floor: list[tuple[float, float, float]] = []
    with bench.watch() as watch:
        for _ in range(bench.options.rounds):
            people = who.requesters[:8]
            doers = [partial(_submit, visitor(person, port), person) for person in people]
            secrets = list(range(FIRST_SECRET, FIRST_SECRET + 2 * _EACH))
            ours.append(_figures(doers, secrets))
            floor.append(_figures([partial(_bare_submit, bench.floor_visitor(floor_port)) for _ in range(8)], secrets))
    yield from _told("submit", "one submission", ours, floor, "minimal POST, 3 INSERTs", watch.stolen, goal=2)
    bench.engine.stop(web, floor_web)


def _told(
    name: str, what: str, ours: list[tuple[float, float, float]], floor: list[tuple[float, float, float]],
    against: str, stolen: float, *, goal: float,
) -> Iterator[Row]:  # fmt: skip
    for place, (which, unit) in enumerate((("p50", "ms"), ("p95", "ms"), ("eight at once", "ms each"))):
        pairs = sorted(zip(ours, floor, strict=True), key=lambda pair: pair[0][place] / pair[1][place])
        mine, theirs = (each[place] for each in pairs[len(pairs) // 2])
        if goal and which != "p95":
            yield cost(name, f"{what}, {which}", unit, mine, theirs, goal, against, stolen=stolen)
        else:
            yield Row(name, f"{what}, {which}", unit, mine, theirs, mine / theirs, against=against, stolen=stolen)


def _figures(doers: list[Callable[[object], object]], jobs: list[object]) -> tuple[float, float, float]:
    """p50 and p95 of one client, then milliseconds a job at eight."""
    half = len(jobs) // 2
    left = iter(jobs[:half])
    taken = timed(lambda: doers[0](next(left)), half - 2, 60)
    at_once = shared(doers, jobs[half:])
    return 1000 * percentile(taken, 0.5), 1000 * percentile(taken, 0.95), 1000 / at_once


def ballots(who: People, count: int) -> list[object]:
    """Changes that wait, each with its number and digest."""
    made = backlog(who, count, min(count, 1000), status=Status.PENDING)
    found = Revision.objects.filter(change__in=made).values_list("change_id", "digest")
    return list(found)


def _vote(voter: Visitor, ballot: object) -> None:
    number, digest = ballot  # type: ignore[misc]
    voter.post(f"/changes/{number}/approve/", 302, csrfmiddlewaretoken=CSRF, revision="1", digest=digest, reason="")


def _tick(visitor: Visitor, number: object) -> None:
    visitor.post(f"/approve/{number}", 302, csrfmiddlewaretoken=CSRF)


def _submit(there: Visitor, person: User, secret: object) -> None:
    """The proposal is packed within the time measured: it costs half a millisecond."""
    base = Snapshot(base_of(int(str(secret)), "turn 0"))
    proposal = Proposal(
        secret=int(str(secret)), patch={"notes": f"Rotated {uuid.uuid4()}"}, base=base, sealed=None,
        reason="The endpoint moves", revision_id=uuid.uuid4(),
    )  # fmt: skip
    path = f"/secrets/{secret}/propose/"
    there.post(path, 302, csrfmiddlewaretoken=CSRF, act="confirm", proposal=encode_proposal(proposal, person))


def _bare_submit(there: Visitor, secret: object) -> None:
    there.post("/submit", 302, csrfmiddlewaretoken=CSRF, reason=f"The endpoint of {secret} moves")
