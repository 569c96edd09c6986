"""Looks at what the portal leans on and says what to do about each finding. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import Error as DatabaseError

from portal.operations.doctor import broker, clocks, configuration, database, keys, machinery, segura
from portal.operations.doctor.finding import Finding, Level

_EXAMINATIONS: tuple[Callable[[], Iterator[Finding]], ...] = (
    configuration.examine,
    database.examine,
    broker.examine,
    clocks.examine,
    keys.examine,
    machinery.examine,
    segura.examine,
)


def examine(*, ask_segura: bool) -> Iterator[Finding]:
    """Every finding, area by area. Where the database does not answer, that is said once and the rest goes on."""
    away = False
    # The scheduler has no address of the database.
    looks = (configuration.examine, broker.examine) if settings.PROCESS == "scheduler" else _EXAMINATIONS
    for look in (*looks, *([segura.ask] if ask_segura else [])):
        try:
            yield from look()
        except DatabaseError as error:
            if not away:
                yield Finding(
                    "database",
                    Level.PROBLEM,
                    f"it does not answer, or lacks its tables ({type(error).__name__})",
                    "Start it, or mend DATABASE_URL; then manage.py migrate.",
                )
            away = True
