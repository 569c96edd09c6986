"""Access to a secret: full names, rights, and the change that granted each right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from portal.accounts.models import User
from portal.catalog import directory
from portal.changes.models import Change, Revision, Status
from portal.changes.presenters import change_rows
from portal.vault import SHARE_FIELDS

_CHANGES_READ = 200
"""Newest applied changes of access that are searched for the origin of a right."""


@dataclass(frozen=True)
class AccessEntry:
    """A user or group with its right. `since`: the applied change that gave it, None if none of the portal did.

    `full_name` is that of the directory, '' without one; `linked`: whether the reader may open the change.
    """

    name: str
    can_edit: bool
    full_name: str
    since: Change | None
    linked: bool


def load_access(
    identifier: int, fields: Mapping[str, Any], *, reader: User, history: Sequence[Change] | None
) -> list[tuple[str, list[AccessEntry]]]:
    """Return the current entries of each list of shares.

    `history`: all changes of the secret with their current revisions, if the page has loaded them, which saves a query.
    """
    names = directory.find_full_names({field: [name for name, _can_edit in fields[field]] for field in SHARE_FIELDS})
    origins = _find_origins(_load_applied(identifier) if history is None else _select_applied(history))
    return [
        (
            field,
            [
                _build_entry(name, can_edit, names.get(field, {}).get(name, ""), origins.get((field, name)), reader)
                for name, can_edit in fields[field]
            ],
        )
        for field in SHARE_FIELDS
    ]


def _build_entry(
    name: str, can_edit: bool, full_name: str, origin: tuple[bool | None, Change] | None, reader: User
) -> AccessEntry:
    """Return an entry; a right that differs from the one its newest change gave was given elsewhere."""
    since = origin[1] if origin and origin[0] == can_edit else None
    linked = since is not None and change_rows.can_view(since.requester_id, reader)
    return AccessEntry(name, can_edit, full_name, since, linked)


def _load_applied(identifier: int) -> list[tuple[Change, Revision]]:
    """Return the newest applied changes of access, the newest first."""
    applied = Revision.objects.filter(
        change__secret=identifier,
        change__status=Status.APPLIED,
        number=F("change__revision"),
        base__isnull=False,
        patch__has_any_keys=list(SHARE_FIELDS),
    )
    newest = applied.select_related("change").order_by("-change__closed_at", "-change")
    return [(each.change, each) for each in newest.only("patch", "base", "change__requester")[:_CHANGES_READ]]


def _select_applied(history: Sequence[Change]) -> list[tuple[Change, Revision]]:
    """Return the applied changes among these, the newest first."""
    applied = [change for change in history if change.status == Status.APPLIED and change.closed_at]
    applied.sort(key=lambda change: (change.closed_at, change.pk), reverse=True)
    return [(change, change.current_revision) for change in applied]  # type: ignore[attr-defined]


def _find_origins(
    applied: Iterable[tuple[Change, Revision]],
) -> dict[tuple[str, str], tuple[bool | None, Change]]:
    """Return the newest applied change of each entry, with the right that it gave; None for a removal."""
    found: dict[tuple[str, str], tuple[bool | None, Change]] = {}
    for change, revision in applied:
        for field in SHARE_FIELDS:
            if revision.base is None or field not in revision.patch:
                continue
            before, after = dict(revision.base[field]), dict(revision.patch[field])
            for name in {*before, *after}:
                if before.get(name) != after.get(name):
                    found.setdefault((field, name), (after.get(name), change))
    return found
