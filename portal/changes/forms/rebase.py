"""Merge of a proposal whose base changed: which fields both sides changed, and which side counts.

The user has three choices per field: keep the proposed value, take the current value in Segura, or edit it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.changes.domain import patch as patches
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.domain.patch import FieldChange, Snapshot
from portal.changes.forms.shares import CAN_EDIT, CAN_VIEW, REMOVE
from portal.changes.models import Revision
from portal.vault import FIELDS, SHARE_FIELDS

MINE, THEIRS, EDIT = "mine", "theirs", "edit"
CHOICE = "choice_{}"


@dataclass(frozen=True)
class RevertSource:
    """Values that revert an applied change: the earlier ones as `patch`, all values after it as `base`.

    `new_secret`: the change also set a client secret; the earlier one is not stored, so it must be entered.
    """

    patch: Mapping[str, Any]
    base: Mapping[str, Any]
    base_secret_fingerprint: str
    new_secret: bool
    reason: str = ""
    ticket: str = ""


@dataclass(frozen=True)
class FieldConflict:
    """One field that both the proposal and a user in Segura changed: `base` at the proposal, then both values now.

    `reverting`: the proposal restores the value from before an applied change, and `base` is the one after it.
    """

    field: str
    base: Any
    theirs: Any
    mine: Any
    reverting: bool = False

    @property
    def mine_change(self) -> FieldChange:
        """The proposed value against that at the proposal, with what differs marked; for text fields."""
        return FieldChange(self.field, old=self.base, new=self.mine)

    @property
    def theirs_change(self) -> FieldChange:
        """The value in Segura now against that at the proposal, with what differs marked; for text fields."""
        return FieldChange(self.field, old=self.base, new=self.theirs)

    def choice_of(self, value: Any) -> str:
        """Return the choice that leads to this value."""
        if value == self.theirs:
            return THEIRS
        return MINE if value == self.mine or self.field in SHARE_FIELDS else EDIT


def find_conflicts(revised: Revision | RevertSource | None, now: Snapshot | None) -> dict[str, FieldConflict]:
    """Return the conflicts between a revision and the current values in Segura, by field; {} if either is unknown."""
    if revised is None or revised.base is None or now is None:
        return {}
    found = {}
    for name in FIELDS:
        if name not in revised.patch:
            continue
        base, theirs, mine = revised.base[name], now.fields[name], revised.patch[name]
        if name in SHARE_FIELDS:
            mine = merge_shares(theirs, mine, base)
        if theirs not in (base, mine):
            found[name] = FieldConflict(name, base, theirs, mine, isinstance(revised, RevertSource))
    return found


def find_outside_changes(revised: Revision | RevertSource | None, now: Snapshot | None) -> list[FieldChange]:
    """Return the fields that changed in Segura since the revision was proposed. Old: then; new: now.

    Of a revert these are only the fields that it restores.
    """
    if revised is None or revised.base is None or now is None:
        return []
    then, today = revised.base_secret_fingerprint, now.secret_fingerprint
    moved = patches.changed_values(now.fields, revised.base)
    new_secret = bool(then and today and then != today)
    if isinstance(revised, RevertSource):
        moved = {name: value for name, value in moved.items() if name in revised.patch}
        new_secret = new_secret and revised.new_secret
    return patches.describe_changes(moved, revised.base, new_secret=new_secret)


def merge_share_rows(
    live: list[list[Any]], proposed: list[list[Any]], earlier: list[list[Any]]
) -> list[dict[str, Any]]:
    """Return the live list with the proposed removals, additions and toggles; shares added meanwhile stay.

    The access of a row that is to be removed is REMOVE.
    """
    wanted, before = dict(proposed), dict(earlier)
    removed = before.keys() - wanted.keys()
    altered = {name: can_edit for name, can_edit in wanted.items() if before.get(name) != can_edit}
    standing = [share_row(name, altered.pop(name, can_edit)) for name, can_edit in live]
    for row in standing:
        if row["name"] in removed:
            row["access"] = REMOVE
    return standing + [share_row(name, can_edit) for name, can_edit in altered.items()]


def merge_shares(live: list[list[Any]], proposed: list[list[Any]], earlier: list[list[Any]]) -> list[list[Any]]:
    """Return the merged list in the shape of a patch: without the rows to be removed."""
    kept = (each for each in merge_share_rows(live, proposed, earlier) if each["access"] != REMOVE)
    return sorted([each["name"], each["access"] == CAN_EDIT] for each in kept)


def share_row(name: str, can_edit: bool) -> dict[str, Any]:
    """Return a share as a row of the form."""
    return {"name": name, "access": CAN_EDIT if can_edit else CAN_VIEW}


def conflict_field(conflict: FieldConflict) -> forms.ChoiceField:
    """Return the field in which the user chooses a side; no choice is preselected."""
    required = _("Also changed in Segura. Choose which value to keep.")
    if conflict.reverting:
        choices = [(MINE, _("Restore the earlier value")), (THEIRS, _("Keep the current value"))]
        if conflict.field in SHARE_FIELDS:
            choices = [
                (MINE, _("Change the current list, as the rows below have it")),
                (THEIRS, _("Keep the current list")),
            ]
        else:
            choices.append((EDIT, pgettext("act", "Edit")))
        required = _("Changed again since. Choose which value to keep.")
    elif conflict.field in SHARE_FIELDS:
        choices = [(MINE, _("Keep my changes, as the rows below have them")), (THEIRS, _("Use Segura's list"))]
    else:
        choices = [(MINE, _("Keep mine")), (THEIRS, _("Use Segura's value")), (EDIT, pgettext("act", "Edit"))]
    return forms.ChoiceField(
        choices=choices,
        widget=forms.RadioSelect,
        label=FIELD_LABELS[conflict.field],
        error_messages={"required": required},
    )


def resolve_conflict(conflict: FieldConflict, choice: str, sent: Any) -> Any:
    """Return the value that counts; `sent` is the value of the form's own field."""
    if choice == THEIRS:
        return conflict.theirs
    return conflict.mine if choice == MINE and conflict.field not in SHARE_FIELDS else sent


def initial_choices(found: Mapping[str, FieldConflict], values: Mapping[str, Any]) -> dict[str, str]:
    """Return the choices that led to these values, for a user who returns from the preview."""
    return {CHOICE.format(name): conflict.choice_of(values[name]) for name, conflict in found.items()}
