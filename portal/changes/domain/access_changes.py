"""Access changes: the rights that users and groups gain or lose by new shares, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from portal.changes.domain.patch import FieldChange, ShareChange

_NAMED = 5
"""Names that a sentence lists; the others are counted, as the difference lists all of them."""

_USERS = {
    "none-edit": ngettext_lazy(
        "%(names)s gains the right to view, edit and disable this secret.",
        "%(names)s gain the right to view, edit and disable this secret.",
        "count",
    ),
    "view-edit": ngettext_lazy(
        "%(names)s gains the right to edit and disable this secret.",
        "%(names)s gain the right to edit and disable this secret.",
        "count",
    ),
    "none-view": ngettext_lazy(
        "%(names)s gains the right to view this secret.",
        "%(names)s gain the right to view this secret.",
        "count",
    ),
    "edit-view": ngettext_lazy(
        "%(names)s loses the right to edit and disable this secret, and may still view it.",
        "%(names)s lose the right to edit and disable this secret, and may still view it.",
        "count",
    ),
    "edit-none": ngettext_lazy(
        "%(names)s loses all access, and with it the right to edit and disable this secret.",
        "%(names)s lose all access, and with it the right to edit and disable this secret.",
        "count",
    ),
    "view-none": ngettext_lazy(
        "%(names)s loses all access to this secret.",
        "%(names)s lose all access to this secret.",
        "count",
    ),
    "unknown-edit": ngettext_lazy(
        "%(names)s will have the right to view, edit and disable this secret; whether that is new is not known.",
        "%(names)s will have the right to view, edit and disable this secret; whether that is new is not known.",
        "count",
    ),
    "unknown-view": ngettext_lazy(
        "%(names)s will have the right to view this secret; what they may do now is not known.",
        "%(names)s will have the right to view this secret; what they may do now is not known.",
        "count",
    ),
}
_GROUPS = {
    "none-edit": ngettext_lazy(
        "Everybody in group %(names)s gains the right to view, edit and disable this secret.",
        "Everybody in groups %(names)s gains the right to view, edit and disable this secret.",
        "count",
    ),
    "view-edit": ngettext_lazy(
        "Everybody in group %(names)s gains the right to edit and disable this secret.",
        "Everybody in groups %(names)s gains the right to edit and disable this secret.",
        "count",
    ),
    "none-view": ngettext_lazy(
        "Everybody in group %(names)s gains the right to view this secret.",
        "Everybody in groups %(names)s gains the right to view this secret.",
        "count",
    ),
    "edit-view": ngettext_lazy(
        "Group %(names)s loses the right to edit and disable this secret, and may still view it.",
        "Groups %(names)s lose the right to edit and disable this secret, and may still view it.",
        "count",
    ),
    "edit-none": ngettext_lazy(
        "Group %(names)s loses all access, and with it the right to edit and disable this secret.",
        "Groups %(names)s lose all access, and with it the right to edit and disable this secret.",
        "count",
    ),
    "view-none": ngettext_lazy(
        "Group %(names)s loses all access to this secret.",
        "Groups %(names)s lose all access to this secret.",
        "count",
    ),
    "unknown-edit": ngettext_lazy(
        "Group %(names)s will have the right to view, edit and disable this secret; whether that is new is not known.",
        "Groups %(names)s will have the right to view, edit and disable this secret; whether that is new is not known.",
        "count",
    ),
    "unknown-view": ngettext_lazy(
        "Group %(names)s will have the right to view this secret; what it may do now is not known.",
        "Groups %(names)s will have the right to view this secret; what they may do now is not known.",
        "count",
    ),
}
SENTENCES = {"users_allowed": _USERS, "groups_allowed": _GROUPS}
"""Sentence by field and step, grave steps first; a step is the access before and after, such as `none-edit`."""


@dataclass(frozen=True)
class AccessChange:
    """Meaning of a step (`none-edit`) for its users or groups, in a sentence."""

    step: str
    sentence: str

    @property
    def grants_edit(self) -> bool:
        """True if, as far as is known, users gain the right to disable the secret."""
        return self.step.endswith("-edit")


def describe_access_changes(field: FieldChange, *, base_known: bool) -> list[AccessChange]:
    """Return one sentence for each step, with the names of all who take it, the grave steps first."""
    taken: dict[str, list[str]] = {}
    for share in field.shares:
        taken.setdefault(_step(share, base_known), []).append(share.name)
    return [
        AccessChange(step, str(sentence % {"count": len(taken[step]), "names": join_names(taken[step])}))
        for step, sentence in SENTENCES[field.field].items()
        if step in taken
    ]


def join_names(names: Sequence[str]) -> str:
    """Return the names as text: the first _NAMED of them, and the number of the others."""
    if len(names) <= _NAMED:
        return ", ".join(names)
    return _("%(names)s and %(count)d more") % {"names": ", ".join(names[:_NAMED]), "count": len(names) - _NAMED}


def _step(share: ShareChange, base_known: bool) -> str:
    before = _word(share.old) if base_known else "unknown"
    return f"{before}-{_word(share.new)}"


def _word(access: bool | None) -> str:
    if access is None:
        return "none"
    return "edit" if access else "view"
