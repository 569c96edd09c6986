"""Check of workers, scheduler, and the number of users with each right."""

from __future__ import annotations

from collections.abc import Iterator

from portal.operations import heartbeats, role_coverage
from portal.operations.doctor.finding import CheckArea, Finding, runs_as

_AREA = CheckArea("machinery")
_SERVES = {"celery": "takes up deliveries", "sealing": "seals the log"}


def check_workers() -> Iterator[Finding]:
    """Yield findings about workers, scheduler and rights. Raises DatabaseError."""
    now = heartbeats.read_broker_status()
    for queue, does in _SERVES.items() if now.reachable else ():
        names = [worker.name for worker in now.workers if queue in worker.queues and not worker.silent]
        if names:
            yield _AREA.ok(f"{does}: {', '.join(names)}")
        else:
            yield _AREA.problem(f"no worker {does}", f"Start one: celery … worker --queues {queue}")
    if now.reachable and now.late:
        yield _AREA.problem("no sweep came by lately", "Start beat: two at a time do no harm.")
    # The sealer's role may not read the accounts.
    for concern in (
        role_coverage.find_coverage_gaps(role_coverage.count_right_holders())
        if runs_as("web", "worker", "owner")
        else ()
    ):
        told = _AREA.problem if concern.is_error else _AREA.advice
        yield told(concern.words, "manage.py user NAME --role ROLE")
