"""Status of the connection to Segura: last test, assumptions about Segura, last synchronisation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from portal.catalog import connection_check, directory, known_errors
from portal.catalog.connection_check import ConnectionTest
from portal.catalog.known_errors import KnownError
from portal.catalog.models import DirectorySync
from portal.catalog.sync_status import SyncStatus, get_sync_status
from portal.operations import segura_assumptions
from portal.operations.segura_assumptions import Assumption, OpenQuestion


@dataclass(frozen=True)
class ConnectionStatus:
    """Status of the connection to Segura, as recorded in the database.

    `trial`: the last test; a new one takes at most `bound_s` seconds. `standing`: status of the list of secrets.
    `next_sync_at`: the next scheduled read of that list. `directory`: the last synchronisation of users and groups;
    None if there was none or no SCIM client is set.
    """

    trial: ConnectionTest | None
    bound_s: float
    assumptions: list[Assumption]
    unknowns: list[OpenQuestion]
    documented: tuple[KnownError, ...]
    standing: SyncStatus
    next_sync_at: datetime | None
    directory: DirectorySync | None


def load_connection_status() -> ConnectionStatus:
    """Load the status from the database, without a call to Segura."""
    now, scim = get_sync_status(), directory.is_configured()
    return ConnectionStatus(
        connection_check.latest_connection_test(),
        (3 if scim else 2) * settings.SEGURA_PAGE_DEADLINE_S,
        segura_assumptions.list_assumptions(),
        segura_assumptions.list_unknowns(),
        known_errors.DOCUMENTED,
        now,
        now.newest.asked_at + timedelta(seconds=settings.CATALOG_SYNC_EVERY_S) if now.newest else None,
        directory.latest_directory_sync() if scim else None,
    )
