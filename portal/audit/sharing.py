"""Access changes of a proposal in sentences: which users and groups gain or lose the right to view or edit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.audit.visible import escape_invisible

_USERS = {
    "edit": gettext_noop("%(name)s gains the right to edit"),
    "view": gettext_noop("%(name)s gains the right to view"),
    "less": gettext_noop("%(name)s may no longer edit, only view"),
    "lost": gettext_noop("%(name)s loses access"),
    "edit after all": gettext_noop("%(name)s is to have the right to edit; what was before is unknown"),
    "view after all": gettext_noop("%(name)s is to have the right to view; what was before is unknown"),
}
_GROUPS = {
    "edit": gettext_noop("Group %(name)s gains the right to edit"),
    "view": gettext_noop("Group %(name)s gains the right to view"),
    "less": gettext_noop("Group %(name)s may no longer edit, only view"),
    "lost": gettext_noop("Group %(name)s loses access"),
    "edit after all": gettext_noop("Group %(name)s is to have the right to edit; what was before is unknown"),
    "view after all": gettext_noop("Group %(name)s is to have the right to view; what was before is unknown"),
}
LISTS = {"users_allowed": _USERS, "groups_allowed": _GROUPS}
"""The fields that list who may use a secret, and the sentences for each."""


@dataclass(frozen=True)
class Power:
    """One access change. `change` is added, removed or altered, as lists of shares show it."""

    change: str
    sentence: str


def access_changes_from_data(data: dict[str, Any]) -> list[Power]:
    """Return the access changes in the data of a submitted or revised change; [] if `patch` is not a mapping."""
    patch, base = data.get("patch"), data.get("base")
    if not isinstance(patch, dict):
        return []
    known = base if isinstance(base, dict) else None
    return [
        power
        for field, sentences in LISTS.items()
        if field in patch
        for power in _moved(_shares(patch[field]), None if known is None else _shares(known.get(field)), sentences)
    ]


def describe_access_change(kind: str, name: str, *, new: bool | None, old: bool | None) -> str:
    """Return the sentence for a changed right of a user or a group; None is no access. '' if nothing changed."""
    sentences, key = LISTS["groups_allowed" if kind == "group" else "users_allowed"], _kind(new, old)
    return _(sentences[key]) % {"name": escape_invisible(name)} if key else ""


def _moved(new: dict[str, bool], old: dict[str, bool] | None, sentences: dict[str, str]) -> Iterator[Power]:
    for name in sorted(new.keys() | (old or {}).keys()):
        kind = _kind(new.get(name), old.get(name)) if old is not None else _blind(new[name])
        if kind:
            change = {"lost": "removed", "less": "removed"}.get(kind, "added" if old is not None else "altered")
            yield Power(change, _(sentences[kind]) % {"name": escape_invisible(name)})


def _kind(new: bool | None, old: bool | None) -> str:
    """Return the key of the sentence, or ''. Access is None, may view (False) or may edit (True)."""
    if new == old:
        return ""
    if new is None:
        return "lost"
    return "edit" if new else "view" if old is None else "less"


def _blind(new: bool) -> str:
    return "edit after all" if new else "view after all"


def _shares(value: object) -> dict[str, bool]:
    """Return [[name, can_edit], ...] as a mapping by name."""
    if not isinstance(value, list):
        return {}
    return {str(pair[0]): bool(pair[1]) for pair in value if isinstance(pair, list) and len(pair) == 2}
