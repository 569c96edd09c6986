"""Values of a secret at three times: when a change was proposed, as proposed, and as found in Segura. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.changes.domain.patch import Fields, Snapshot
from portal.vault.entities import FIELDS, SECRET_FIELD

AS_PROPOSED, AS_BEFORE, ANOTHER, UNSEEN = "as_proposed", "as_before", "another", "unseen"
"""What was found of a client secret, by its fingerprint."""


@dataclass(frozen=True)
class ThreeWayValues:
    """Values of one field; `base` is None if it is unknown. Of the client secret only `found` says something."""

    field: str
    base: Any = None
    proposed: Any = None
    now: Any = None
    found: str = ""


def compare_three_ways(base: Snapshot | None, target: Snapshot, now: Snapshot) -> list[ThreeWayValues]:
    """Return the fields of which any two values differ. `target`: only the fields of the patch."""
    before = base.fields if base else {}
    rows = [_compare_field(name, before, target.fields, now.fields) for name in FIELDS if name != SECRET_FIELD]
    differing = [row for row in rows if row and not row.base == row.proposed == row.now]
    proposed = target.secret_fingerprint
    if found := _compare_secret(base.secret_fingerprint if base else "", proposed, now.secret_fingerprint):
        differing.append(ThreeWayValues(SECRET_FIELD, proposed=bool(proposed), found=found))
    return differing


def _compare_field(name: str, base: Fields, patch: Fields, now: Fields) -> ThreeWayValues | None:
    """Return the three values; None for a field of which only the present value is known."""
    if name not in base and name not in patch:
        return None
    return ThreeWayValues(name, base.get(name), patch.get(name, base.get(name)), now.get(name))


def _compare_secret(before: str, proposed: str, now: str) -> str:
    """Return what was found of the client secret; '' if it is neither proposed nor known to have changed."""
    if not proposed and (not before or not now or before == now):
        return ""
    if not now:
        return UNSEEN
    if now == proposed:
        return AS_PROPOSED
    return AS_BEFORE if now == before else ANOTHER
