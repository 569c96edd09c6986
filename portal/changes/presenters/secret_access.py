"""Access to a secret: full names, rights, and the change that granted each right."""

from __future__ import annotations

from collections.abc import Mapping
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


def load_access(identifier: int, fields: Mapping[str, Any], *, reader: User) -> list[tuple[str, list[AccessEntry]]]:
    """Return the current entries of each list of shares."""
    names = directory.find_full_names({field: [name for name, _can_edit in fields[field]] for field in SHARE_FIELDS})
    origins = _find_origins(identifier)
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


def _find_origins(identifier: int) -> dict[tuple[str, str], tuple[bool | None, Change]]:
    """Return the newest applied change of each entry, with the right that it gave; None for a removal."""
    applied = Revision.objects.filter(
        change__secret=identifier,
        change__status=Status.APPLIED,
        number=F("change__revision"),
        base__isnull=False,
        patch__has_any_keys=list(SHARE_FIELDS),
    )
    newest = applied.select_related("change").order_by("-change__closed_at", "-change")
    found: dict[tuple[str, str], tuple[bool | None, Change]] = {}
    for revision in newest.only("patch", "base", "change__requester")[:_CHANGES_READ]:
        for field in SHARE_FIELDS:
            before, after = dict((revision.base or {})[field]), dict(revision.patch.get(field, ()))
            changed = {*before, *after} if field in revision.patch else set()
            for name in changed:
                if before.get(name) != after.get(name):
                    found.setdefault((field, name), (after.get(name), revision.change))
    return found
