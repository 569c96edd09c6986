"""Check of clocks. Leases and deadlines use database time; messages of the scheduler expire by the worker's clock."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.conf import settings

from portal.changes.transitions import db_now
from portal.operations import heartbeats
from portal.operations.doctor.finding import CheckArea, Finding

_AREA = CheckArea("clock")
_AWRY_S = 2.0


def check_clocks() -> Iterator[Finding]:
    """Compare this host's clock with database time, and each worker's with the broker's. Raises DatabaseError."""
    began = time.time()
    there = db_now().timestamp()
    yield _judged("this machine", (began + time.time()) / 2 - there, "the database's")
    for worker in heartbeats.read_broker_status().workers:
        yield _judged(f"worker {worker.name}", worker.ahead_s, "the broker's")


def _judged(who: str, ahead_s: float, whose: str) -> Finding:
    if abs(ahead_s) <= _AWRY_S:
        return _AREA.ok(f"{who} is within {_AWRY_S:g} s of {whose} clock")
    found = f"{who} is {abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} {whose} clock"
    patience = 3 * settings.SWEEP_EVERY_S
    todo = "Let NTP set it: times in mails and logs are wrong, tokens end too early or too late."
    if abs(ahead_s) < patience:
        return _AREA.advice(found, todo)
    return _AREA.problem(
        found,
        f"{todo} Sweeps expire after {patience:g} s: such a worker throws them away, or one behind it does, and what "
        "is in doubt is not settled.",
    )
