"""What a change of sharing means for people: the power that somebody gains or loses, in plain sentences. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from portal.changes.domain.patch import FieldChange, ShareChange

_NAMED = 5
"""More people than this are counted, not named: the difference lists them all."""

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
"""By field and step, the grave ones first; a step is what somebody may do before and after."""


@dataclass(frozen=True)
class AccessChange:
    """What a step (`none-edit`) means for those who take it; for `many` of them where one sentence has two forms."""

    step: str
    sentence: str
    many: str = ""

    @property
    def grave(self) -> bool:
        """Whether somebody may disable the secret who may not now, as far as is known."""
        return self.step.endswith("-edit")


def describe_access_changes(field: FieldChange, *, base_known: bool) -> list[AccessChange]:
    """One sentence for all who take the same step, the grave ones first."""
    taken: dict[str, list[str]] = {}
    for share in field.shares:
        taken.setdefault(_step(share, base_known), []).append(share.name)
    return [
        AccessChange(step, str(sentence % {"count": len(taken[step]), "names": join_names(taken[step])}))
        for step, sentence in SENTENCES[field.field].items()
        if step in taken
    ]


def access_sentence_patterns(field: str) -> list[AccessChange]:
    """Every sentence about this list, with {names} for a page to put names in while they are typed."""
    names = "{names}"
    return [
        AccessChange(step, str(words % {"count": 1, "names": names}), str(words % {"count": 2, "names": names}))
        for step, words in SENTENCES[field].items()
    ]


def join_names(names: Sequence[str]) -> str:
    """The names, the first few of many."""
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
