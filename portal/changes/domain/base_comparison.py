"""Comparison of the base of a proposal with newer observations of the secret. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.changes.domain.patch import Snapshot
from portal.vault.entities import FIELDS


@dataclass(frozen=True)
class BaseChange:
    """Field whose value in Segura is not the one that the proposal was compared with.

    `change`: id of the change that Countersign applied meanwhile and that set the value; None if it was read so.
    """

    field: str
    value: Any
    change: int | None


def find_base_changes(base: Snapshot, observed: Mapping[str, Any], *, read_at: datetime) -> list[BaseChange]:
    """Return the fields that changed since the base was read at `read_at`, in the order of FIELDS.

    `observed`: ObservedSecret.values. A field that the base does not show counts if a change of Countersign has set it
    since; a value that was only read is then not comparable.
    """
    before = base.values()
    found = []
    for name in FIELDS:
        seen = observed.get(name)
        if seen is None or datetime.fromisoformat(seen["at"]) <= read_at:
            continue
        comparable = name in before or seen["change"] is not None
        if comparable and before.get(name) != seen["value"]:
            found.append(BaseChange(name, seen["value"], seen["change"]))
    return found
