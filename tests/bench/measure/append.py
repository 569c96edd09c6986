"""Writing the log: an append beside a plain INSERT, and how long it takes until it is sealed."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.synchronize import Barrier

import psycopg
from django.db import connection

from portal.audit import ledger
from portal.audit.models import Event
from tests.bench.bench import Bench
from tests.bench.history import FIRST_SECRET
from tests.bench.outcome import Row, bound, rate
from tests.bench.steadiness import say

_DATA = {
    "attempt": "00000000-0002-4000-8000-000000000007", "code": 200, "correlation": "CR-7", "duration_ms": 41,
    "message": "Api secret updated successfully", "method": "PUT", "number": None, "origin": "segura",
    "path": "/api/mysafe/secretapi/update/4711", "reason": "", "started_at": "2026-01-01T00:00:00.000+00:00",
}  # fmt: skip
_PLAIN = """
    CREATE TABLE IF NOT EXISTS bench_plain (id bigserial PRIMARY KEY, at timestamptz NOT NULL, action text NOT NULL,
        actor text NOT NULL, change bigint, seq int, secret bigint, code int, text text NOT NULL);
    CREATE INDEX IF NOT EXISTS bench_plain_change ON bench_plain (change, id);
    CREATE INDEX IF NOT EXISTS bench_plain_at ON bench_plain (at)
"""
_INSERT = """INSERT INTO bench_plain (at, action, actor, change, seq, secret, code, text)
    VALUES (now(), %s, %s, %s, %s, %s, %s, %s)"""
LAG = """
    SELECT percentile_cont(%s) WITHIN GROUP (ORDER BY extract(epoch FROM (
        SELECT c.at FROM audit_checkpoint c WHERE c.size > s.leaf ORDER BY c.size LIMIT 1) - e.at))
    FROM audit_event e JOIN audit_treeleaf s ON s.event = e.id WHERE e.id > %s
"""


def append(bench: Bench) -> Iterator[Row]:
    """C1, and C2 while it goes on."""
    bench.past(bench.small)
    with connection.cursor() as cursor:
        cursor.execute(_PLAIN)
    sealer = bench.engine.worker("portal.celery:app", "--queues", "sealing", "--concurrency", "1")
    beat = bench.engine.beat()
    for clients in (4, 16):
        ratios, stolen, last = [], 0.0, (0.0, 0.0)
        for _ in range(bench.options.rounds):
            plain = bench.measure_once(partial(_race, _plain, clients, bench.options.seconds))
            ours = bench.measure_once(partial(_race, _record, clients, bench.options.seconds))
            again = bench.measure_once(partial(_race, _plain, clients, bench.options.seconds))
            last = (ours.figure, (plain.figure + again.figure) / 2)
            ratios.append(last)
            stolen = max(stolen, plain.stolen, ours.stolen, again.stolen)
        ours_s, floor_s = sorted(ratios, key=lambda pair: pair[0] / pair[1])[len(ratios) // 2]
        yield rate("C1", f"appends to the log, {clients} clients, sealed meanwhile", "/s", ours_s, floor_s, 0.8,
                   "plain INSERT", stolen=stolen)  # fmt: skip
    _all_sealed()
    yield from _lag(bench)
    bench.engine.stop(sealer, beat)


def _lag(bench: Bench) -> Iterator[Row]:
    """At 500 events a second, as the shipped settings seal."""
    newest = Event.objects.latest("pk").pk
    asked, seconds = 500, max(10.0, 4 * bench.options.seconds)
    with bench.watch() as watch:
        reached = _race(_paced, 4, seconds, asked / 4)
    _all_sealed()
    with connection.cursor() as cursor:
        cursor.execute(LAG, [0.95, newest])
        p95 = float(cursor.fetchone()[0])
        cursor.execute(LAG, [0.99, newest])
        p99 = float(cursor.fetchone()[0])
    note = f"{reached:.0f} events a second were written"
    yield bound("C2", "from append to signed checkpoint, p95", "s", p95, 1.0, stolen=watch.stolen, note=note)
    yield bound("lag", "the same at 500 events/s, p99", "s", p99, 5.0, stolen=watch.stolen)


def _all_sealed(within_s: float = 120) -> None:
    ends = time.monotonic() + within_s
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT EXISTS (SELECT FROM audit_unsealedevent)")
            if not cursor.fetchone()[0]:
                return
            if time.monotonic() > ends:
                say("the sealer does not come to an end")
                return
            time.sleep(0.2)


def _race(client: object, clients: int, seconds: float, *more: float) -> float:
    """Rows a second, by so many processes at once."""
    context = multiprocessing.get_context("fork")
    connection.close()
    gate, told = context.Barrier(clients), context.Queue()
    processes = [
        context.Process(target=client, args=(number, seconds, gate, told, *more), daemon=True)  # type: ignore[arg-type]
        for number in range(clients)
    ]
    for process in processes:
        process.start()
    figures = [told.get(timeout=seconds + 60) for _ in processes]
    for process in processes:
        process.join()
    return float(sum(figures))


def _plain(number: int, seconds: float, gate: Barrier, told: object) -> None:
    text = ledger.canonical_json(_DATA)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=1) as own:

        def write(turn: int) -> None:
            values = ("vault.responded", "", turn % 10_000, turn, FIRST_SECRET + turn % 900, 200, text)
            own.execute(_INSERT, values)

        _until(write, number, seconds, gate, told)


def _record(number: int, seconds: float, gate: Barrier, told: object) -> None:
    def write(turn: int) -> None:
        ledger.record_event(
            "vault.responded", change=10**9 + turn % 10_000, secret=FIRST_SECRET, http_status=200, data=_DATA
        )

    _until(write, number, seconds, gate, told)
    connection.close()


def _paced(number: int, seconds: float, gate: Barrier, told: object, per_s: float) -> None:
    began = time.perf_counter()

    def write(turn: int) -> None:
        done = turn - 10**6 * number
        time.sleep(max(0.0, began + done / per_s - time.perf_counter()))
        ledger.record_event("vault.responded", secret=FIRST_SECRET, http_status=200, data=_DATA)

    _until(write, number, seconds, gate, told)
    connection.close()


def _until(write: object, number: int, seconds: float, gate: Barrier, told: object) -> None:
    turn = 10**6 * number
    for _ in range(3):
        write(turn)  # type: ignore[operator]
        turn += 1
    gate.wait()
    began = time.perf_counter()
    first = turn
    while time.perf_counter() - began < seconds:
        write(turn)  # type: ignore[operator]
        turn += 1
    told.put((turn - first) / (time.perf_counter() - began))  # type: ignore[attr-defined]
