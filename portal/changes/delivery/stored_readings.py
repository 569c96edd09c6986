"""Readings of a secret that stopped a change: stored with it, and compared with what it proposes."""

from __future__ import annotations

from portal.changes.delivery import verified_patch
from portal.changes.delivery.readback import Readback
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.three_way import ThreeWayValues, compare_three_ways
from portal.changes.models import Change, Revision, Status, StoredReading

SHOWN_FOR = (Status.STALE, Status.NEEDS_ATTENTION)
"""States that a reading leads to and that a user has to end."""


def store_reading(change: Change, reading: Readback) -> None:
    """Store a successful reading of a change that it has stopped. Requires the transaction of the status change."""
    if reading.seen is None or change.status not in SHOWN_FOR:
        return
    seen = reading.seen
    values = {"fields": seen.fields, "secret_fingerprint": seen.secret_fingerprint, "read_at": seen.read_at}
    StoredReading.objects.update_or_create(change=change, defaults=values)


def find_reading(change: Change, revision: Revision) -> StoredReading | None:
    """Return the reading that stopped this revision, or None if the change was stopped for another reason."""
    if change.status not in SHOWN_FOR:
        return None
    return StoredReading.objects.filter(change=change, read_at__gte=revision.created_at).first()


def compare_stored_reading(revision: Revision, reading: StoredReading) -> list[ThreeWayValues]:
    """Return the fields of which the base, the proposed and the found value are not all the same."""
    target = Snapshot(revision.patch, revision.secret_fingerprint)
    now = Snapshot(reading.fields, reading.secret_fingerprint)
    return compare_three_ways(verified_patch.base_snapshot(revision), target, now)
