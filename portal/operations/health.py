"""Health checks: whether this process can serve, and the state of each dependency, for load balancers and operators.

Only what every page needs makes a process unready. Other failures are reported and change nothing: a vote must not be
impossible because Redis or Segura is away, which it would be if a load balancer removed every web process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal.audit.sealing.status import get_seal_status as log_standing
from portal.catalog.sync_status import get_sync_status as catalogue_standing
from portal.changes.delivery import circuit_breaker
from portal.operations import heartbeats


@dataclass(frozen=True)
class HealthCheck:
    """Check of one dependency. `reason`: a code or sentence without any value of a setting; '' if the check passes.

    If it is `needed` and fails, this process can serve nothing.
    """

    name: str
    reason: str = ""
    needed: bool = False

    @property
    def ok(self) -> bool:
        return not self.reason


def run_health_checks() -> list[HealthCheck]:
    """Return all checks, in the order to look at them. Bounded: timeouts of 1 s for Redis, six short queries."""
    try:
        return [
            HealthCheck("database", needed=True),
            HealthCheck("migrations", _migrations(), needed=True),
            *_told_by_rows(),
        ]
    except DatabaseError as error:
        # Only the class name: the message may contain the database's address.
        return [
            HealthCheck("database", f"does not answer ({type(error).__name__})", needed=True),
            *_told_by_the_broker(),
        ]


def _told_by_rows() -> Iterator[HealthCheck]:
    yield from _told_by_the_broker()
    yield HealthCheck("delivery", _delivery())
    yield HealthCheck("log", _log())
    yield HealthCheck("segura", _segura())


_migrated = False


def _migrations() -> str:
    """Return '' if all migrations are applied, else the reason. A process of an old release finds none missing."""
    global _migrated
    if _migrated:
        return ""
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    _migrated = not waiting
    return f"{len(waiting)} migrations are not applied: run manage.py migrate" if waiting else ""


def _told_by_the_broker() -> Iterator[HealthCheck]:
    now = heartbeats.read_broker_status()
    if not now.reachable:
        yield HealthCheck("broker", "does not answer; what is approved waits")
        return
    yield HealthCheck("broker")
    yield HealthCheck("worker", "" if now.delivering else "no worker has taken up deliveries lately")
    yield HealthCheck("beat", "no sweep came by lately: is beat running, and a worker?" if now.late else "")


def _delivery() -> str:
    paused = circuit_breaker.current_pause()
    if paused is None:
        return ""
    return "paused by a person" if paused.paused_at else f"paused: calls do not get through (HTTP {paused.http_status})"


def _log() -> str:
    now = log_standing()
    if now.behind_since is not None:
        return f"events since {now.behind_since:%Y-%m-%dT%H:%M:%SZ} wait to be sealed"
    return "the last verification found it altered" if now.verified and not now.intact else ""


def _segura() -> str:
    """Return why the last read of Segura's list failed, or ''. Makes no call: a probe must not cause an access."""
    now = catalogue_standing()
    if now.failed and now.newest is not None:
        return f"the last reading failed: {now.newest.kind}"
    return "its list has not been read lately" if now.overdue or now.newest is None else ""
