"""One synchronisation: Segura's list is read, then the mirror is brought in line with it in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from portal.audit import ledger
from portal.catalog.connection import WHOLE_LIST, NotConfigured, connect
from portal.catalog.failure import Failure, Kind
from portal.catalog.models import ApiSecret, Sync
from portal.vault import ListedSecret, VaultError
from portal.vault.text import clean

_CHUNK = 1000
_LARGEST = 2**63 - 1
_COPIED = ("name", "can_view", "can_write", "need_justify", "need_approval")


def ask(*, by: str) -> Sync | None:
    """A synchronisation that waits for a worker, to be published by the caller; None if one is under way."""
    if Sync.objects.under_way().exists():
        return None
    return Sync.objects.create(by=by, asked_at=timezone.now())


def give_up(asked: int) -> None:
    """Ends a synchronisation whose task could not be published."""
    with transaction.atomic(durable=True):
        _end(Sync.objects.get(pk=asked), Failure(Kind.QUEUE))


def synchronise(*, by: str = "", asked: int | None = None, accept_empty: bool = False) -> Sync:
    """Read the list (contract 5.1) and mirror it; the row returned says how that went.

    `asked` is the row of ask(); one that was taken up already is returned as it is. Whatever Segura or the
    gateway does ends in the row and in the event `catalog.synced`, not in an exception. Several at once do no
    harm: they write one after the other, and a list asked for before the one mirrored last is set aside.
    An empty list after one that was not is taken for a mistake in the access key unless `accept_empty`.
    """
    _end_lost()
    now = timezone.now()
    if asked is None:
        asked = Sync.objects.create(by=by, asked_at=now).pk
    taken = Sync.objects.filter(pk=asked, started_at=None, finished_at=None).update(started_at=now)
    sync = Sync.objects.get(pk=asked)
    if not taken:
        return sync
    listed: dict[int, ListedSecret] = {}
    failure = None
    try:
        listed = _by_identifier(connect(by=sync.by, max_body=WHOLE_LIST).list(correlation_id=f"sync-{sync.pk}"))
    except (VaultError, NotConfigured) as error:
        failure = Failure.of(error)
    with transaction.atomic(durable=True):
        Sync.objects.select_for_update().order_by("pk").first()  # always the same row: one writer at a time
        if failure is None and (failure := _objection(sync, listed, accept_empty)) is None:
            _mirror(sync, listed)
        _end(sync, failure)
    return sync


def _end_lost() -> None:
    """Close what a worker that died, or a lost message, has left open."""
    for lost in Sync.objects.lost():
        with transaction.atomic(durable=True):
            _end(lost, Failure(Kind.INTERRUPTED))


def _by_identifier(rows: Iterable[ListedSecret]) -> dict[int, ListedSecret]:
    return {row.identifier: row for row in rows if row.identifier <= _LARGEST}


def _objection(sync: Sync, listed: dict[int, ListedSecret], accept_empty: bool) -> Failure | None:
    """Why this list must not be mirrored."""
    if Sync.objects.filter(ok=True, started_at__gt=sync.started_at).exists():
        return Failure(Kind.SUPERSEDED)
    if not listed and not accept_empty and ApiSecret.objects.present().exists():
        return Failure(Kind.EMPTY)
    return None


def _mirror(sync: Sync, listed: dict[int, ListedSecret]) -> None:
    """Write what differs, and only that, in the order of identifiers."""
    now = timezone.now()
    known = {row[0]: row[1:] for row in ApiSecret.objects.values_list("identifier", *_COPIED, "vanished_at")}
    rows = {identifier: _row(listed[identifier], now) for identifier in sorted(listed)}
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
    gone = sorted(identifier for identifier, row in known.items() if row[-1] is None and identifier not in rows)
    for start in range(0, len(gone), _CHUNK):
        ApiSecret.objects.filter(identifier__in=gone[start : start + _CHUNK]).update(vanished_at=now)
    sync.listed = len(listed)
    sync.added = sum(row.identifier not in known for row in differing)
    sync.returned = sum(row.identifier in known and known[row.identifier][-1] is not None for row in differing)
    sync.altered = len(differing) - sync.added - sync.returned
    sync.vanished = len(gone)


def _row(listed: ListedSecret, now: datetime) -> ApiSecret:
    flags = {field: getattr(listed, field) for field in _COPIED}
    return ApiSecret(identifier=listed.identifier, first_seen_at=now, **flags | {"name": clean(listed.name)})


def _end(sync: Sync, failure: Failure | None) -> None:
    """Row and event, in the caller's transaction."""
    sync.finished_at = timezone.now()
    sync.ok = failure is None or failure.kind is Kind.SUPERSEDED
    if failure is not None:
        sync.kind, sync.code, sync.number, sync.message = failure.kind, failure.code, failure.number, failure.message
    sync.save()
    counts = {name: getattr(sync, name) for name in ("listed", "added", "altered", "returned", "vanished")}
    found = {"ok": sync.ok, "kind": sync.kind, "number": sync.number, "message": sync.message}
    ledger.record("catalog.synced", by=sync.by, code=sync.code, data={"sync": sync.pk, **counts, **found})
