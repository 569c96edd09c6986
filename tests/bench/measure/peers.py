"""B4 to B8: Nautobot and Wagtail beside us, by their own benchmarks out of the folder given with --beside."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from portal.audit.models import Event
from portal.web import keyset
from tests.bench.bench import Bench, visitor
from tests.bench.history import name_of
from tests.bench.load import timed
from tests.bench.measure.acts import vote_figures
from tests.bench.outcome import Row, rate
from tests.bench.steadiness import percentile, say

Figures = dict[str, float]


def peers(bench: Bench) -> Iterator[Row]:
    """How many times as quick; nothing without --beside."""
    if not bench.options.beside:
        say("the peers are measured with --beside FOLDER")
        return
    for peer, goals in _GOALS.items():
        ours = _ours(bench)
        theirs = _measured(bench, peer)
        for name, what, key, goal in goals:
            if key not in theirs:
                say(f"{peer} says nothing of {key}")
            elif key == "approve_c8":
                yield rate(name, f"{what} than {peer}", "/s", ours[key], theirs[key], goal, peer)
            else:
                figure = theirs[key] / ours[_SAME.get(key, key)]
                yield Row(name, f"{what} than {peer}", "ms", ours[_SAME.get(key, key)], theirs[key], figure, goal,
                          against=peer)  # fmt: skip


_SAME = {"stage_list_pending": "queue", "tasks_report": "queue", "queue_dashboard": "queue"}
_GOALS: dict[str, list[tuple[str, str, str, float]]] = {
    "nautobot": [
        ("B4", "the queue is so many times quicker to show", "stage_list_pending", 20),
        ("B4", "its own queue: so many times quicker", "queue", 100),
        ("B6", "one approval: so many times quicker", "approve", 5),
        ("B6", "approvals a second, eight at once", "approve_c8", 5),
        ("B7", "the log's first page: so many times quicker", "audit_first", 15),
        ("B7", "the log's last page: so many times quicker", "audit_deep", 50),
        ("B8", "search in the log, p95: so many times quicker", "audit_search_rare", 15),
    ],
    "wagtail": [
        ("B5", "the queue is so many times quicker to show", "tasks_report", 4),
        ("B5", "its own queue: so many times quicker", "queue_dashboard", 100),
        ("B6", "one approval: so many times quicker", "approve", 5),
        ("B6", "approvals a second, eight at once", "approve_c8", 5),
        ("B7", "the log's first page: so many times quicker", "audit_first", 50),
        ("B7", "the log's last page: so many times quicker", "audit_deep", 50),
        ("B8", "search in the log, p95: so many times quicker", "audit_search_rare", 15),
    ],
}


def _ours(bench: Bench) -> Figures:
    """The same figures of the portal, in milliseconds but for the approvals a second."""
    who = bench.past(bench.large)
    port, web = bench.portal("--workers", "2")  # as many as they are given
    approver, reader = visitor(who.approvers[1], port), visitor(who.reader, port)
    oldest = Event.objects.order_by("pk").values_list("pk", flat=True)[0]
    rows = Event.objects.filter(pk__lte=oldest + 60)
    deep = keyset.paginate_by_keyset(rows, order=("-id",), cursor="", size=1).older
    found: Figures = {}
    with bench.watch():
        for name, there, path, share in (
            ("queue", approver, "/queue/", 0.5), ("audit_first", reader, "/audit/", 0.5),
            ("audit_deep", reader, f"/audit/?at={deep}", 0.5),
            ("audit_search_rare", reader, f"/audit/find/?q={name_of(7)[-6:]}", 0.95),
        ):  # fmt: skip
            taken = timed(partial(there.get, path, 200, 302), 60, bench.options.seconds)
            found[name] = 1000 * percentile(taken, share)
        p50, _p95, each = vote_figures(who, port)
    bench.engine.stop(web)
    return {**found, "approve": p50, "approve_c8": 1000 / each}


def _measured(bench: Bench, peer: str) -> Figures:
    """What the peer's benchmark printed, the largest size it has of each."""
    script = Path(bench.options.beside) / f"peer_{peer}.py"
    say(f"{script.name}: half an hour, packages from PyPI and Debian the first time")
    with tempfile.TemporaryDirectory(prefix=f"{peer}-") as work:  # not in our folder, which its database may not enter
        command = [sys.executable, str(script), "--work", work]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    runs: list[dict[str, Any]] = json.loads(printed.strip().splitlines()[-1])["runs"]
    found: Figures = {}
    for run in runs:
        for name, told in run.items():
            if isinstance(told, dict) and "p50_ms" in told:
                share = "p95_ms" if name.startswith("audit_search") else "p50_ms"
                found[name] = told["per_s"] if name == "approve_c8" else told.get(share, told["p50_ms"])
    return found
