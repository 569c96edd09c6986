"""Access before and after a change of a list of shares: one row for each user or group, and who can edit in total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.changes.domain.access_changes import join_names
from portal.changes.domain.patch import FieldChange, ShareChange
from portal.common.invisible_characters import show_invisible


@dataclass(frozen=True)
class AccessTable:
    """Rows whose access changes, rows that stay, and a sentence on who can edit."""

    changed: list[ShareChange]
    kept: list[ShareChange]
    editors: str


def build_access_table(field: FieldChange, base_known: object) -> AccessTable:
    """Return the access before and after; if it is not known before, all rows count as changed."""
    changed = [share for share in field.shares if not base_known or share.old != share.new]
    kept = [share for share in field.shares if base_known and share.old == share.new]
    return AccessTable(changed, kept, _count_editors(field, base_known=bool(base_known)))


def _count_editors(field: FieldChange, *, base_known: bool) -> str:
    """Return who can edit now and after the change; '' if that stays the same."""
    before = {share.name for share in field.shares if share.old}
    after = {share.name for share in field.shares if share.new}
    if base_known and before == after:
        return ""
    numbers = {
        "before": len(before) if base_known else pgettext("number", "unknown"),
        "after": len(after),
        "names": show_invisible(_list_differences(after - before, before - after)) if base_known else "",
    }
    if field.field == "groups_allowed":
        return (_("Groups that can edit: %(before)s now, %(after)s after. %(names)s") % numbers).strip()
    return (_("People who can edit: %(before)s now, %(after)s after. %(names)s") % numbers).strip()


def _list_differences(gained: set[str], lost: set[str]) -> str:
    return ", ".join(part for part in (_join_signed("+", sorted(gained)), _join_signed("\u2212", sorted(lost))) if part)


def _join_signed(sign: str, names: Sequence[str]) -> str:
    return f"{sign} {join_names(names)}" if names else ""
