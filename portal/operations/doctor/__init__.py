"""Deployment checks, each finding with advice. They change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import Error as DatabaseError

from portal.operations.doctor import broker, clocks, configuration, database, identity, keys, segura, workers
from portal.operations.doctor.finding import Finding, Severity

_EXAMINATIONS: tuple[Callable[[], Iterator[Finding]], ...] = (
    configuration.check_configuration,
    database.check_database,
    broker.check_broker,
    clocks.check_clocks,
    keys.check_keys,
    workers.check_workers,
    segura.check_segura,
    identity.check_identity,
)


def run_checks(*, ask_segura: bool) -> Iterator[Finding]:
    """Yield every finding, area by area. If the database does not answer, report it once and continue."""
    away = False
    # The scheduler has no database URL.
    looks = (
        (configuration.check_configuration, broker.check_broker) if settings.PROCESS == "scheduler" else _EXAMINATIONS
    )
    for look in (*looks, *([segura.check_segura_live] if ask_segura else [])):
        try:
            yield from look()
        except DatabaseError as error:
            if not away:
                yield Finding(
                    "database",
                    Severity.PROBLEM,
                    f"it does not answer, or lacks its tables ({type(error).__name__})",
                    "Start it, or mend DATABASE_URL; then manage.py migrate.",
                )
            away = True
