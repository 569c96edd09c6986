"""Synchronisation of the catalog: read Segura's list, then update the local copy in one transaction."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.audit import ledger
from portal.catalog.models import ApiSecret, CatalogSync
from portal.catalog.read_failure import FailureKind, ReadFailure
from portal.catalog.segura_client import WHOLE_LIST, NotConfigured, build_client
from portal.vault import ListedSecret, Rows, VaultError
from portal.vault.scrubbing import clean_text

_CHUNK = 1000
MOST_NAMED = 20
"""Number of omitted rows that are named one by one."""
_COPIED = ("name", "can_view", "can_write", "need_justify", "need_approval")


def create_sync(*, by: str) -> CatalogSync | None:
    """Create a synchronisation that waits for a worker; the caller must enqueue it.

    Returns None if one is under way.
    """
    if CatalogSync.objects.under_way().exists():
        return None
    return CatalogSync.objects.create(by=by, asked_at=timezone.now())


def mark_sync_failed(asked: int) -> None:
    """Mark a synchronisation as failed because its task could not be enqueued."""
    with transaction.atomic(durable=True):
        _end(CatalogSync.objects.get(pk=asked), ReadFailure(FailureKind.QUEUE))


def sync_catalog(
    *, by: str = "", asked: int | None = None, accept_empty: bool = False, accept_vanished: bool = False
) -> CatalogSync:
    """Read the list (contract 5.1), update the local copy, and return the row that records the result.

    `asked` is the key of a row from create_sync(); a row that was already started is returned unchanged. A failure of
    Segura or the gateway is recorded in the row and in the event `catalog.synced`, and raises no exception. Concurrent
    runs are safe: they write one after the other, and a list requested before the last stored one is ignored.

    An empty list after a non-empty one is treated as a mistake in the access key unless `accept_empty`; so is a list
    that lacks more than CATALOG_VANISHED_MOST_PERCENT of the secrets, unless `accept_vanished`.
    """
    _end_lost()
    now = timezone.now()
    if asked is None:
        asked = CatalogSync.objects.create(by=by, asked_at=now).pk
    taken = CatalogSync.objects.filter(pk=asked, started_at=None, finished_at=None).update(started_at=now)
    sync = CatalogSync.objects.get(pk=asked)
    if not taken:
        return sync
    listed: Rows[ListedSecret] = Rows()
    failure = None
    try:
        listed = build_client(by=sync.by, max_body=WHOLE_LIST).list_secrets(correlation_id=f"sync-{sync.pk}")
    except (VaultError, NotConfigured) as error:
        failure = ReadFailure.of(error)
    with transaction.atomic(durable=True):
        CatalogSync.objects.select_for_update().order_by("pk").first()  # always the same row: one writer at a time
        accept = (accept_empty and not listed) or accept_vanished
        if failure is None and (failure := _objection(sync, listed, accept)) is None:
            failure = _mirror(sync, listed, accept)
        _end(sync, failure)
    return sync


def _end_lost() -> None:
    """Mark synchronisations as failed whose worker died or whose message was lost."""
    for lost in CatalogSync.objects.lost():
        with transaction.atomic(durable=True):
            _end(lost, ReadFailure(FailureKind.INTERRUPTED))


def _objection(sync: CatalogSync, listed: Rows[ListedSecret], accept: bool) -> ReadFailure | None:
    """Return the reason why this list must not be stored, or None."""
    if CatalogSync.objects.filter(ok=True, started_at__gt=sync.started_at).exists():
        return ReadFailure(FailureKind.SUPERSEDED)
    if not listed and not accept and ApiSecret.objects.present().exists():
        return ReadFailure(FailureKind.EMPTY)
    return None


def _mirror(sync: CatalogSync, listed: Rows[ListedSecret], accept: bool) -> ReadFailure | None:
    """Write only the rows that differ, in the order of their identifiers.

    Returns the reason why missing secrets are not marked as missing, or None.
    """
    now = timezone.now()
    known = {row[0]: row[1:] for row in ApiSecret.objects.values_list("identifier", *_COPIED, "vanished_at")}
    rows = {row.identifier: _row(row, now) for row in sorted(listed, key=lambda row: row.identifier)}
    differing = [
        row for identifier, row in rows.items() if known.get(identifier) != (*(getattr(row, f) for f in _COPIED), None)
    ]
    ApiSecret.objects.bulk_create(
        differing,
        batch_size=_CHUNK,
        update_conflicts=True,
        unique_fields=["identifier"],
        update_fields=[*_COPIED, "folded", "vanished_at"],
    )
    present = [identifier for identifier, row in known.items() if row[-1] is None]
    gone = sorted(identifier for identifier in present if identifier not in rows)
    failure = None if accept else _too_many(len(gone), len(present))
    if failure is not None or listed.left_out:  # a row that could not be read may be any of the missing ones
        gone = []
    for start in range(0, len(gone), _CHUNK):
        ApiSecret.objects.filter(identifier__in=gone[start : start + _CHUNK]).update(vanished_at=now)
    sync.listed = len(listed)
    sync.added = sum(row.identifier not in known for row in differing)
    sync.returned = sum(row.identifier in known and known[row.identifier][-1] is not None for row in differing)
    sync.altered = len(differing) - sync.added - sync.returned
    sync.vanished = len(gone)
    sync.left_out, sync.odd = len(listed.left_out), list(listed.left_out[:MOST_NAMED])
    return failure


def _too_many(gone: int, present: int) -> ReadFailure | None:
    if gone < 2 or 100 * gone <= settings.CATALOG_VANISHED_MOST_PERCENT * present:
        return None
    return ReadFailure(FailureKind.SHRUNK, message=f"{gone} of {present}")


def _row(listed: ListedSecret, now: datetime) -> ApiSecret:
    flags = {field: getattr(listed, field) for field in _COPIED}
    return ApiSecret(identifier=listed.identifier, first_seen_at=now, **flags | {"name": clean_text(listed.name)})


def _end(sync: CatalogSync, failure: ReadFailure | None) -> None:
    """Write the row and its event, in the caller's transaction."""
    sync.finished_at = timezone.now()
    sync.ok = failure is None or failure.kind is FailureKind.SUPERSEDED
    if failure is not None:
        sync.kind, sync.code, sync.number, sync.message = failure.kind, failure.code, failure.number, failure.message
    sync.save()
    names = ("listed", "added", "altered", "returned", "vanished", "left_out", "odd")
    counts = {name: getattr(sync, name) for name in names}
    found = {"ok": sync.ok, "kind": sync.kind, "number": sync.number, "message": sync.message}
    ledger.record_event("catalog.synced", by=sync.by, http_status=sync.code, data={"sync": sync.pk, **counts, **found})
