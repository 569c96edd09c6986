"""Carrying out what was approved: beside bare Celery doing the same calls, with one vault for both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from celery import Celery
from redis import Redis

from portal.celery import app as portal_app
from portal.changes.delivery.tasks import deliver_change
from portal.changes.models import Attempt, Change, Status
from tests.bench.bench import CSRF, Bench, backlog, bases, visitor
from tests.bench.engine import Process
from tests.bench.history import People
from tests.bench.load import timed
from tests.bench.measure.acts import ballots
from tests.bench.outcome import Row, bound, cost, rate
from tests.bench.steadiness import Watch, percentile, say
from tests.rig.portal import QUICK, ROOT

PREFORK = ("--pool", "prefork", "--concurrency", "4")
THREADS = ("--pool", "threads", "--concurrency", "32")
_PROMPT = {"SWEEP_EVERY_S": "3600", "DELIVERY_BACKLOG_RATE_PER_S": "100000"}
_FLOOR_ROWS = 400_000


@dataclass
class Drained:
    """Tasks a second, and milliseconds of worker CPU for each."""

    per_s: float
    cpu_ms: float
    stolen: float


class Floor:
    """Bare Celery on the bench's broker, with tables of its own."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.vault()
        new = bench.engine.make("floor_tasks")
        broker = os.environ["REDIS_URL"].replace("unix://", "redis+socket://").replace("?db=0", "?virtual_host=5")
        self.env = {"BENCH_FLOOR_URL": bench.engine.url("floor_tasks"), "BENCH_BROKER": broker}
        os.environ |= self.env
        if new:
            made = f"from tests.bench.floor.tasks import prepare; prepare({_FLOOR_ROWS})"
            subprocess.run([sys.executable, "-c", made], cwd=ROOT, check=True)
        self.app = Celery("floor", broker=broker)
        self.numbers = iter(range(1, _FLOOR_ROWS))

    def worker(self, *pool: str) -> Process:
        """One more."""
        return self.bench.engine.worker("tests.bench.floor.tasks:app", *pool, "--loglevel", "INFO")

    def send(self, task: str, count: int) -> None:
        """Publish so many."""
        for _ in range(count):
            self.app.send_task(f"tests.bench.floor.tasks.{task}", (next(self.numbers),))


def apply(bench: Bench) -> Iterator[Row]:
    """A1, A2, A3, A3b and A5."""
    who = _past(bench)
    floor = Floor(bench)
    fast = bench.options.tasks
    plans = {0: fast, 20: fast // 2, 100: max(100, fast // 5)}
    with bench.watch():
        bare = {name: _bare(bench, floor, name, plans) for name in ("put", "put_and_record")}
        ours = _ours(bench, who, PREFORK, plans)
        wide = {
            "put": _bare(bench, floor, "put", {100: fast}, THREADS),
            "portal": _ours(bench, who, THREADS, {100: fast}),
        }
    mine, record, put = ours[0], bare["put_and_record"][0], bare["put"][0]
    stolen = max(mine.stolen, record.stolen, put.stolen)
    yield rate("A1", "approved changes carried out, prefork 4, vault 0 ms", "/s", mine.per_s, record.per_s, 0.85,
               "bare claim + PUT + record", stolen=stolen)  # fmt: skip
    yield rate("A2", "the same", "/s", mine.per_s, put.per_s, 0.5, "bare PUT", stolen=stolen)
    for delay, goal in ((100, 0.95), (20, 0.9)):
        yield rate("A3", f"vault {delay} ms", "/s", ours[delay].per_s, bare["put"][delay].per_s, goal, "bare PUT",
                   stolen=ours[delay].stolen)  # fmt: skip
    yield rate("A3b", "vault 100 ms, 32 threads", "/s", wide["portal"][100].per_s, wide["put"][100].per_s, 0.7,
               "bare PUT, threads 32", stolen=wide["portal"][100].stolen)  # fmt: skip
    yield cost("A5", "CPU of the worker for a change", "ms", mine.cpu_ms, record.cpu_ms, 1.5,
               "bare claim + PUT + record", stolen=stolen)  # fmt: skip


def pools(bench: Bench) -> Iterator[Row]:
    """What to give a worker for a vault that takes 100 ms: which pool, how wide."""
    who = _past(bench)
    bench.vault()
    with bench.watch():
        for pool, wide in (("prefork", 4), ("prefork", 16), ("threads", 16), ("threads", 32), ("threads", 64)):
            options = ("--pool", pool, "--concurrency", str(wide))
            worker = _worker(bench, *options)
            told = _drain(bench, partial(_send, who, bench.options.tasks), bench.options.tasks, 100, worker, portal_app)
            yield Row("pools", f"vault 100 ms, {pool} {wide}", "/s", told.per_s, stolen=told.stolen,
                      note=f"{told.cpu_ms:.1f} ms of CPU a change")  # fmt: skip
            bench.engine.stop(worker)


def _past(bench: Bench) -> People:
    """A past with secrets enough for a change each."""
    size = bench.small
    return bench.past(type(size)(size.changes, size.events, max(size.secrets, bench.options.tasks)))


def _bare(
    bench: Bench, floor: Floor, task: str, plans: dict[int, int], pool: Sequence[str] = PREFORK
) -> dict[int, Drained]:
    worker = floor.worker(*pool)
    told = _by_delay(bench, plans, worker, floor.app, partial(floor.send, task))
    bench.engine.stop(worker)
    return told


def _ours(bench: Bench, who: People, pool: Sequence[str], plans: dict[int, int]) -> dict[int, Drained]:
    worker = _worker(bench, *pool)
    told = _by_delay(bench, plans, worker, portal_app, partial(_send, who))
    bench.engine.stop(worker)
    return told


def _worker(bench: Bench, *options: str, **env: str) -> Process:
    with Redis.from_url(os.environ["REDIS_URL"]) as broker:
        broker.flushdb()
    return bench.engine.worker("portal.celery:app", "--queues", "celery", "--loglevel", "INFO", *options,
                               **{**_PROMPT, **env})  # fmt: skip


def _send(who: People, count: int, secrets: int = 0) -> None:
    """Approve so many at once and remind the workers of each."""
    for change in backlog(who, count, secrets or count):
        deliver_change.delay(change)


def _by_delay(
    bench: Bench, plans: dict[int, int], worker: Process, app: Celery, send: Callable[[int], None]
) -> dict[int, Drained]:
    _drain(bench, send, 200, 20, worker, app)  # each process connects and has its token
    found = {}
    for delay, count in plans.items():
        rounds = bench.options.rounds if delay == 0 else 1
        drained = [_drain(bench, send, count, delay, worker, app) for _ in range(rounds)]
        found[delay] = sorted(drained, key=lambda each: each.per_s)[len(drained) // 2]
        say(f"{worker.args[6:9]} {delay} ms: {found[delay].per_s:.0f}/s, {found[delay].cpu_ms:.1f} ms CPU each")  # type: ignore[index]
    return found


def _drain(
    bench: Bench, send: Callable[[int], None], count: int, delay: int, worker: Process, app: Celery, secrets: int = 0
) -> Drained:
    """All is in the queue before the worker may take any; from its first call to the vault's last answer."""
    app.control.cancel_consumer("celery", reply=True, timeout=3)
    bench.set_vault(update_ms=delay, bases=bases(secrets or count))
    send(count)
    time.sleep(0.3)
    with Watch(worker=worker.pid) as watch:
        began = time.time()
        app.control.add_consumer("celery", reply=False)
        told = bench.wait_for_puts(count)
        time.sleep(0.2)  # the last ones are written down
    seconds = told["last"] - max(began, told["first"] - delay / 1000 - 0.01)
    return Drained(count / seconds, 1000 * watch.cpu["worker"] / count, watch.stolen)


def drain(bench: Bench) -> Iterator[Row]:
    """2,000 changes of 500 secrets, 200 ms each in the vault, two workers of four processes."""
    who = _past(bench)
    count, secrets = bench.options.tasks, max(1, bench.options.tasks // 4)
    bench.vault()
    first = _worker(bench, *PREFORK)
    second = bench.engine.worker("portal.celery:app", "--queues", "celery", *PREFORK, **_PROMPT)
    with bench.watch():
        _drain(bench, partial(_send, who), 200, 20, first, portal_app)
        told = _drain(bench, partial(_send, who, secrets=secrets), count, 200, first, portal_app, secrets)
    yield rate("drain", f"{count:,} changes of {secrets} secrets, vault 200 ms, 8 processes", "/s", told.per_s, 8 / 0.2,
               0.9, "8 processes that only wait for the vault", stolen=told.stolen)  # fmt: skip
    bench.engine.stop(first, second)


def click(bench: Bench) -> Iterator[Row]:
    """A4: from the approver's click to the vault's answer, one change every 50 ms."""
    who = _past(bench)
    floor = Floor(bench)
    count = 100
    _port, floor_web, ticker = bench.minimal_site()
    ticks = iter(bench.floor_waiting(count + 2))
    bare_worker = floor.worker(*PREFORK)
    with bench.watch() as watch:
        bare_approval = timed(lambda: ticker.post(f"/approve/{next(ticks)}", 302, csrfmiddlewaretoken=CSRF), count)
        bench.set_vault()
        floor.send("put", 100)
        bench.wait_for_puts(100)
        bench.set_vault()
        bare_s = _paced(bench, [(number, partial(floor.send, "put", 1)) for number in range(count)])
        bench.engine.stop(bare_worker, floor_web)
        worker = _worker(bench, *PREFORK)
        port, web = bench.portal()
        voter = visitor(who.approvers[1], port)
        waiting = ballots(who, count + 50)
        bench.set_vault(bases=bases(count + 50))
        votes = [(number, partial(_vote, voter, number, digest)) for number, digest in waiting]  # type: ignore[misc]
        _paced(bench, votes[:50])
        bench.set_vault(bases=bases(count + 50))
        ours_s = _paced(bench, votes[50:])
    for share, name in ((0.5, "p50"), (0.95, "p95")):
        ours = 1000 * percentile(ours_s, share)
        bare = 1000 * (percentile(bare_s, share) + percentile(bare_approval, share))
        goal = (bare + 10) / bare if share == 0.5 else 1.5
        yield cost("A4", f"from the click to the vault's answer, {name}", "ms", ours, bare, goal,
                   "minimal approval, then a bare task", stolen=watch.stolen)  # fmt: skip
    bench.engine.stop(worker, web)


def _paced(bench: Bench, acts: Sequence[tuple[object, Callable[[], object]]]) -> list[float]:
    """Seconds from the beginning of each act to the vault's answer, which come in the order of the acts."""
    already = bench.vault_figures()["puts"]
    sent, next_at = [], time.time()
    for _number, act in acts:
        next_at = max(next_at + 0.05, time.time())
        time.sleep(max(0.0, next_at - time.time()))
        sent.append(time.time())
        act()
    ends = time.monotonic() + 60
    while bench.vault_figures()["puts"] < already + len(acts) and time.monotonic() < ends:
        time.sleep(0.05)
    answered = [at for _secret, at in bench.vault_figures(times=True)["times"][-len(acts) :]]
    return [done - began for began, done in zip(sent, sorted(answered), strict=True)]


def _vote(voter: Any, number: int, digest: str) -> None:
    voter.post(f"/changes/{number}/approve/", 302, csrfmiddlewaretoken=CSRF, revision="1", digest=digest, reason="")


def killed(bench: Bench) -> Iterator[Row]:
    """A6: one of two workers is killed half-way; what was lost, and what was sent twice."""
    who = _past(bench)
    count = bench.options.tasks
    bench.vault()
    bench.set_vault(update_ms=20, bases=bases(count))
    times = {**QUICK, **{name: value for name, value in _PROMPT.items() if name != "SWEEP_EVERY_S"}}
    os.environ |= {"CATALOG_SYNC_EVERY_S": "100000"}
    times.pop("CATALOG_SYNC_EVERY_S")
    first = _worker(bench, "--pool", "prefork", "--concurrency", "2", **times)
    second = bench.engine.worker(
        "portal.celery:app", "--queues", "celery", "--pool", "prefork", "--concurrency", "2", **times
    )
    beat = bench.engine.beat(**times)
    newest = Change.objects.order_by("-pk").values_list("pk", flat=True)[0]
    with bench.watch() as watch:
        _send(who, count)
        while bench.vault_figures()["puts"] < count // 2:
            time.sleep(0.02)
        os.killpg(second.pid, signal.SIGKILL)
        mine = Change.objects.filter(pk__gt=newest)
        ends = time.monotonic() + 240
        while mine.filter(status=Status.APPLIED).count() < count and time.monotonic() < ends:
            time.sleep(0.5)
    told, applied = bench.vault_figures(), mine.filter(status=Status.APPLIED).count()
    recorded = Attempt.objects.filter(change__in=mine).count()
    twice = told["puts"] - count
    note = f"{told['puts']} calls arrived, {recorded} attempts are on record, {told['repeated']} with an id used before"
    yield bound("A6", f"lost, of {count:,}, with a worker killed half-way", "", count - applied, 0, stolen=watch.stolen)
    yield bound("A6", "sent again; two were in flight", "", max(0, twice), 2, note=note)
    yield bound("A6", "calls that are not on record", "", max(0, told["puts"] - recorded), 0)
    bench.engine.stop(first, second, beat)
