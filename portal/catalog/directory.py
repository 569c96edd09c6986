"""Local copy of the users and groups in Segura's directory (SCIM, contract 10), which share fields suggest.

Without a SCIM client this module calls nothing, suggests nothing and warns of nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from portal.audit import ledger
from portal.catalog.models import DirectoryName, DirectorySync
from portal.catalog.read_failure import FailureKind, ReadFailure
from portal.catalog.segura_client import WHOLE_LIST, NotConfigured, build_client
from portal.common.text_folding import fold_text
from portal.vault import DirectoryEntry, DirectoryKind, VaultError
from portal.vault.scrubbing import clean_text

MOST_OFFERED = 300
"""Most names that are sent with a page; a longer list is searched instead."""
MOST_FOUND = 20
MOST_NAMED = 20
"""Number of omitted entries that are named one by one."""
_CHUNK = 1000
_KINDS = {DirectoryName.Kind.USER: DirectoryKind.USERS, DirectoryName.Kind.GROUP: DirectoryKind.GROUPS}
_FIELDS = {"users_allowed": DirectoryName.Kind.USER, "groups_allowed": DirectoryName.Kind.GROUP}


@dataclass(frozen=True)
class ShareSuggestions:
    """Suggested names for one share field; if they are not `whole`, the others are found by searching."""

    names: list[DirectoryName]
    whole: bool


def is_configured() -> bool:
    """Return whether a SCIM client is configured."""
    return bool(settings.SEGURA_SCIM_CLIENT_ID and settings.SEGURA_SCIM_CLIENT_SECRET)


def load_share_suggestions() -> dict[str, ShareSuggestions]:
    """Return the suggestions by share field; an empty dict before the first directory has arrived."""
    if not is_configured():
        return {}
    read = {field: _book(field) for field in _FIELDS}
    return read if read["users_allowed"].names else {}  # a directory always has a user


def search_names(field: str, typed: str) -> list[DirectoryName]:
    """Return some active entries with the text in their name or display name; [] if `field` is no share field."""
    text = fold_text(typed.strip())
    if not text or field not in _FIELDS or not is_configured():
        return []
    return list(_active(field).filter(folded__contains=text)[:MOST_FOUND])


def find_unknown_names(field: str, names: Iterable[str]) -> list[str]:
    """Return the names that no active user, or no active group, of the directory has; [] if there is no directory."""
    asked = list(names)
    if not asked or not is_configured():
        return []
    known = set(_active(field).filter(name__in=asked).values_list("name", flat=True))
    return [name for name in asked if name not in known] if known or DirectoryName.objects.exists() else []


def find_full_names(lists: Mapping[str, Iterable[str]]) -> dict[str, dict[str, str]]:
    """Return the full names that the directory has for names in share fields: {field: {name: full name}}.

    Names without a full name are left out, and so are fields without one; {} if there is no directory.
    """
    asked = {_FIELDS[field]: (field, set(names)) for field, names in lists.items() if field in _FIELDS}
    if not is_configured() or not any(names for _, names in asked.values()):
        return {}
    wanted = Q(*(Q(kind=kind, name__in=names) for kind, (_, names) in asked.items()), _connector=Q.OR)
    found: dict[str, dict[str, str]] = {}
    for row in DirectoryName.objects.filter(wanted).exclude(display_name__in=("", F("name"))).order_by("name"):
        found.setdefault(asked[DirectoryName.Kind(row.kind)][0], {})[row.name] = row.display_name
    return found


def latest_directory_sync() -> DirectorySync | None:
    """Return the newest synchronisation that has ended."""
    return DirectorySync.objects.exclude(finished_at=None).first()


def sync_directory(*, by: str = "", at_once: bool = False) -> DirectorySync | None:
    """Update the local copy from Segura's directory and return the row that records the result; None if it is not due.

    It is due SEGURA_SCIM_SYNC_EVERY_S after the last success, or with `at_once`. A failure of Segura is recorded in the
    row and in the event `directory.synced`; a directory that cannot be read completely changes nothing.
    """
    now = timezone.now()
    since = now - timedelta(seconds=settings.SEGURA_SCIM_SYNC_EVERY_S)
    if not is_configured() or (not at_once and DirectorySync.objects.filter(ok=True, started_at__gt=since).exists()):
        return None
    sync = DirectorySync.objects.create(by=by, started_at=now)
    rows: dict[tuple[str, str], DirectoryName] = {}
    failure = None
    try:
        rows = _read(sync)
    except (VaultError, NotConfigured) as error:
        failure = directory_failure(ReadFailure.of(error))
    with transaction.atomic(durable=True):
        DirectorySync.objects.select_for_update().order_by("pk").first()  # always the same row: one writer at a time
        if failure is None:
            _mirror(sync, rows)
        _end(sync, failure)
    return sync


def directory_failure(failure: ReadFailure | None) -> ReadFailure | None:
    """Return the failure, changed to SCIM_CLIENT if Segura rejects the client.

    The SCIM client has other credentials than the access key, so the advice differs.
    """
    if failure is not None and failure.kind is FailureKind.UNAUTHORISED:
        return ReadFailure(FailureKind.SCIM_CLIENT, failure.code)
    return failure


def _read(sync: DirectorySync) -> dict[tuple[str, str], DirectoryName]:
    """Read all entries, by kind and name, without names that a page could not show unchanged."""
    client = build_client(by=sync.by, directory=True, max_body=WHOLE_LIST)
    ends_at, correlation = time.monotonic() + settings.SEGURA_DEADLINE_S, f"directory-{sync.pk}"
    found = {
        kind: client.list_directory(names, correlation_id=correlation, ends_at=ends_at)
        for kind, names in _KINDS.items()
    }
    rows = [_row(kind, name) for kind, names in found.items() for name in names if _can_be_shown(name)]
    unreadable = [f"{kind} {text}" for kind, names in found.items() for text in names.left_out]
    unshown = [f"{kind} “{clean_text(name.name)[:60]}”, its name cannot be shown as it is"
               for kind, names in found.items() for name in names if not _can_be_shown(name)]  # fmt: skip
    sync.left_out, sync.odd = len(unreadable) + len(unshown), [*unreadable, *unshown][:MOST_NAMED]
    return {(row.kind, row.name): row for row in rows}


def _can_be_shown(name: DirectoryEntry) -> bool:
    return len(name.name) <= DirectoryName.LONGEST and clean_text(name.name) == name.name


def _row(kind: str, name: DirectoryEntry) -> DirectoryName:
    called = clean_text(name.display_name)[: DirectoryName.LONGEST]
    folded = fold_text(f"{name.name} {called}")[: DirectoryName.LONGEST]
    return DirectoryName(kind=str(kind), name=name.name, display_name=called, active=name.active, folded=folded)


def _mirror(sync: DirectorySync, rows: dict[tuple[str, str], DirectoryName]) -> None:
    """Write only the rows that differ."""
    copied = ("display_name", "active")
    known = {(kind, name): rest for kind, name, *rest in DirectoryName.objects.values_list("kind", "name", *copied)}
    differing = [rows[key] for key in sorted(rows) if known.get(key) != [getattr(rows[key], name) for name in copied]]
    DirectoryName.objects.bulk_create(
        differing,
        batch_size=_CHUNK,
        update_conflicts=True,
        unique_fields=["kind", "name"],
        update_fields=[*copied, "folded"],
    )
    for kind in _KINDS:
        gone = sorted(name for other, name in known if other == kind and (other, name) not in rows)
        if sync.left_out:  # an entry that could not be read may be any of the missing ones
            gone = []
        for start in range(0, len(gone), _CHUNK):
            DirectoryName.objects.filter(kind=kind, name__in=gone[start : start + _CHUNK]).delete()
    sync.users = sum(row.active for (kind, _name), row in rows.items() if kind == DirectoryName.Kind.USER)
    sync.groups = sum(kind == DirectoryName.Kind.GROUP for kind, _name in rows)


def _end(sync: DirectorySync, failure: ReadFailure | None) -> None:
    """Write the row and its event, in the caller's transaction."""
    sync.finished_at, sync.ok = timezone.now(), failure is None
    if failure is not None:
        sync.kind, sync.code, sync.message = failure.kind, failure.code, failure.message
    sync.save()
    counts = {"users": sync.users, "groups": sync.groups, "left_out": sync.left_out, "odd": sync.odd}
    found = {"ok": sync.ok, "kind": sync.kind, "message": sync.message}
    ledger.record_event("directory.synced", by=sync.by, http_status=sync.code, data={**counts, **found})


def _book(field: str) -> ShareSuggestions:
    names = list(_active(field)[: MOST_OFFERED + 1])
    return ShareSuggestions(names[:MOST_OFFERED], len(names) <= MOST_OFFERED)


def _active(field: str) -> QuerySet[DirectoryName]:
    return DirectoryName.objects.filter(kind=_FIELDS[field], active=True)
