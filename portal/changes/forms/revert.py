"""Check of the form that reverts a change: it changes only the fields that the change did."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from portal.changes.domain import reverting
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.forms.editor import ProposalEditor
from portal.changes.forms.proposal import SAME
from portal.changes.forms.rebase import RevertSource
from portal.changes.models import Change
from portal.vault import SECRET_FIELD, SHARE_FIELDS, TEXT_FIELDS


@dataclass(frozen=True)
class ShownFields:
    """Fields that the form of a revert shows: those that the reverted change set. The others keep their values."""

    names: frozenset[str]
    texts: bool
    lists: bool


def list_shown_fields(edit: ProposalEditor, source: RevertSource) -> ShownFields:
    """Return the fields to show below those that need a choice, which the form shows first."""
    names = {name for name in source.patch if name in SHARE_FIELDS or name not in edit.conflicts}
    names |= {SECRET_FIELD} if source.new_secret else set()
    return ShownFields(frozenset(names), texts=bool(names & set(TEXT_FIELDS)), lists=bool(names & set(SHARE_FIELDS)))


def is_within_revert(edit: ProposalEditor, source: RevertSource, reverted: Change) -> bool:
    """Return whether the valid form changes only fields of the reverted change, else add an error to the others."""
    form = edit.form
    beyond = reverting.find_fields_beyond(
        form.patch(),
        source.patch,
        new_secret=form.cleaned_data["secret_mode"] != SAME,
        reverted_secret=source.new_secret,
    )
    for name in beyond:
        sentence = _("%(number)s did not change this. Undo your edit, or propose it as a change of its own.") % {
            "number": reverted.reference
        }
        if name in SHARE_FIELDS:
            form.add_error(None, f"{FIELD_LABELS[name]}: {sentence}")
        else:
            form.add_error(name, sentence)
    return not beyond
