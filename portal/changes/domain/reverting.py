"""Values before and after an applied change, and what a proposal restores of them. Pure."""

from __future__ import annotations

from typing import Any

from portal.changes.domain.patch import Fields, changed_field_names
from portal.vault.entities import SHARE_FIELDS


def earlier_values(patch: Fields, base: Fields) -> dict[str, Any]:
    """Return the values that the fields of an applied patch had before it."""
    return {name: base[name] for name in patch}


def applied_values(patch: Fields, base: Fields) -> dict[str, Any]:
    """Return all visible values as they were after the patch was applied."""
    return {**base, **patch}


def find_fields_beyond(proposed: Fields, reverted: Fields, *, new_secret: bool, reverted_secret: bool) -> list[str]:
    """Return the fields that a proposal changes and the reverted patch did not, in the order of FIELDS."""
    allowed = set(changed_field_names(reverted, new_secret=reverted_secret))
    return [name for name in changed_field_names(proposed, new_secret=new_secret) if name not in allowed]


def find_unrestored_fields(proposed: Fields, base: Fields, reverted: Fields, reverted_base: Fields) -> list[str]:
    """Return the fields that a proposal sets to something other than before the reverted patch.

    Lists of shares are compared entry by entry, because entries added after the reverted patch stay.
    """
    return [
        name
        for name in proposed
        if name not in reverted
        or not (
            _restores_entries(proposed[name], base[name], reverted[name], reverted_base[name])
            if name in SHARE_FIELDS
            else proposed[name] == reverted_base[name]
        )
    ]


def _restores_entries(proposed: Any, base: Any, reverted: Any, reverted_base: Any) -> bool:
    earlier, after = dict(reverted_base), dict(proposed)
    touched = _changed_entries(base, proposed)
    return touched <= _changed_entries(reverted_base, reverted) and all(
        after.get(name) == earlier.get(name) for name in touched
    )


def _changed_entries(old: Any, new: Any) -> set[str]:
    before, after = dict(old), dict(new)
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}
