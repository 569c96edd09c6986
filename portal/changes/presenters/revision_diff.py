"""Difference between two revisions, for users who were reading the earlier one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.changes.domain import patch as patches
from portal.changes.domain.patch import FieldChange
from portal.changes.models import Revision
from portal.vault.entities import FIELDS


@dataclass(frozen=True)
class RevisionDiff:
    """Difference between two revisions of a change.

    `fields`: values in Segura after the one and after the other revision, if they differ. `dropped` names fields that
    are no longer changed and whose value in Segura is unknown.
    """

    fields: list[FieldChange]
    dropped: list[str]
    secret: bool
    secret_kept: bool
    reason: str
    policy: bool

    def __bool__(self) -> bool:
        return bool(self.fields or self.dropped or self.secret or self.reason or self.policy)


def compare_revisions(seen: Revision, now: Revision) -> RevisionDiff:
    """Return what `now` proposes differently from `seen`; `reason` is the new one, '' if it is the same."""
    before, after = _target(seen), _target(now)
    return RevisionDiff(
        fields=_fields(before, after),
        dropped=[name for name in FIELDS if name in before and name not in after],
        secret=seen.secret_fingerprint != now.secret_fingerprint,
        secret_kept=not now.secret_fingerprint,
        reason="" if (seen.reason, seen.ticket) == (now.reason, now.ticket) else now.reason,
        policy=seen.policy != now.policy,
    )


def _target(revision: Revision) -> dict[str, Any]:
    return {**(revision.base or {}), **revision.patch}


def _fields(before: dict[str, Any], after: dict[str, Any]) -> list[FieldChange]:
    differ = [name for name in FIELDS if name in after and before.get(name) != after[name]]
    return patches.describe_changes(
        {name: after[name] for name in differ}, {name: before.get(name) for name in differ}, new_secret=False
    )
