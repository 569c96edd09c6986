"""What it takes: memory after ten thousand changes, bytes for each change and event, and the time until one sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from portal.changes.models import Change, Status
from tests.bench.bench import CSRF, Bench, bases, visitor
from tests.bench.history import People
from tests.bench.load import Visitor, shared
from tests.bench.measure.acts import ballots
from tests.bench.measure.plans import everything
from tests.bench.outcome import Row, bound, cost
from tests.bench.steadiness import memory_mb, say
from tests.rig.desk import Person, chromium
from tests.rig.portal import Portal

_BATCH = 500
_FIRST_PAINT = """() => new Promise((seen) => {
  const watch = (list) => list.getEntriesByName("first-contentful-paint").forEach((it) => seen(it.startTime));
  new PerformanceObserver(watch).observe({type: "paint", buffered: true});
})"""


def memory(bench: Bench) -> Iterator[Row]:
    """Web, worker and clock after 10,000 changes went through all three, beside themselves after the first 100."""
    who = bench.past(bench.small)
    count = 5 * bench.options.tasks
    bench.vault()
    worker = bench.engine.worker("portal.celery:app", "--pool", "prefork", "--concurrency", "4")
    beat = bench.engine.beat(SWEEP_EVERY_S="1")
    port, web = bench.portal()
    running = {"web": web, "worker": worker, "beat": beat}
    figures: dict[int, dict[str, float]] = {}
    done = 0
    for upto in (100, count):
        while done < upto:
            done += _through(bench, who, port, min(_BATCH, upto - done))
        time.sleep(3)
        figures[upto] = {name: memory_mb(process.pid) for name, process in running.items()}
        say(f"{upto} changes: {figures[upto]}")
    for name in running:
        yield cost("memory", f"{name}, after {count:,} changes", "MB", figures[count][name], figures[100][name], 1.1,
                   "after 100")  # fmt: skip
    bench.engine.stop(*running.values())


def _through(bench: Bench, who: People, port: int, count: int) -> int:
    """Approved on their pages by people who have just signed in, which a vote may ask for; delivered by the worker."""
    voters = [visitor(approver, port) for approver in who.approvers[:4]]
    bench.set_vault(bases=bases(count))
    waiting = ballots(who, count)
    newest = max(number for number, _digest in waiting)  # type: ignore[misc]
    for voter in voters:
        voter.get("/queue/")

    def vote(voter: Visitor, ballot: object) -> None:
        number, digest = ballot  # type: ignore[misc]
        voter.get(f"/changes/{number}/")
        voter.post(f"/changes/{number}/approve/", 302, csrfmiddlewaretoken=CSRF, revision="1", digest=digest, reason="")

    shared([lambda ballot, voter=voter: vote(voter, ballot) for voter in voters], waiting)  # type: ignore[misc]
    ends = time.monotonic() + 300
    mine = Change.objects.filter(pk__gt=newest - count, pk__lte=newest).exclude(status=Status.APPLIED)
    while mine.exists() and time.monotonic() < ends:
        time.sleep(0.3)
    return count


def paint(bench: Bench) -> Iterator[Row]:
    """The demo's queue in Chromium, until something is to be seen."""
    folder = Path(bench.engine.folder / "demo")
    folder.mkdir(exist_ok=True)
    with Portal(folder) as portal, chromium() as browser:
        somebody = Person.sign_in(browser, portal.url, "approver", portal.accounts["approver"])
        somebody.go("/queue/")
        seen: list[float] = []
        for _ in range(3 + bench.options.rounds):
            somebody.page.reload()
            seen.append(somebody.page.evaluate(_FIRST_PAINT))
    seen.sort()
    yield bound("paint", "first contentful paint of the queue, in Chromium", "s", seen[len(seen) // 2] / 1000, 1.0)


def plans(bench: Bench) -> Iterator[Row]:
    """The plans of every list question over the longest past, and no trick with statistics."""
    wrong = everything(bench.past(bench.large))
    for name, complaints in wrong.items():
        say(name, *complaints)
    note = f"{', '.join(wrong)}" if wrong else ""
    yield bound("plans", f"pages whose cost grows, at {bench.large.changes:,} changes", "", len(wrong), 0, note=note)


def storage(bench: Bench) -> Iterator[Row]:
    """How large the database is for what is in it, indexes included; and how long it took to load."""
    size = bench.large
    bench.past(size)
    with connection.cursor() as cursor:
        for what, tables, count in (
            ("an event, sealed", ["audit_event", "audit_treeleaf", "audit_subtree", "audit_checkpoint"], size.events),
            ("a change without its events", ["changes_change", "changes_revision", "changes_vote", "changes_attempt"],
             size.changes),
            ("a secret", ["catalog_apisecret", "catalog_searchterm"], size.secrets),
        ):  # fmt: skip
            cursor.execute(
                "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name", [tables]
            )
            yield Row("storage", f"{what}, with indexes", "bytes", float(cursor.fetchone()[0]) / count)
        cursor.execute("SELECT pg_database_size(current_database())")
        yield Row("storage", f"database of {size.changes:,} changes and {size.events:,} events", "MB",
                  cursor.fetchone()[0] / 1e6)  # fmt: skip
    if size in bench.loaded_in_s:
        yield Row("load", "to load it", "s", bench.loaded_in_s[size])
