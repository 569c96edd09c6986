"""Changes of the form as it stands, for the difference beside it while the user types."""

from __future__ import annotations

from typing import Any

from portal.changes.domain import patch as patches
from portal.changes.domain.patch import DirectoryNames, FieldChange
from portal.changes.forms.editor import ProposalEditor
from portal.changes.forms.proposal import REPLACE, SAME
from portal.vault import SHARE_FIELDS, TEXT_FIELDS


def read_typed_values(edit: ProposalEditor) -> dict[str, Any]:
    """Return the fields that a form as it was sent changes, without the client secret; they need not be valid yet."""
    form, base = edit.form, edit.base.fields if edit.base else None
    form.is_valid()
    values: dict[str, Any] = {name: form.fields[name].to_python(form[name].data or "") for name in TEXT_FIELDS}
    if base is None:
        values = {name: text for name, text in values.items() if text}
    lists = [name for name in SHARE_FIELDS if base is not None or form[REPLACE.format(name)].value()]
    values |= {name: form.shares[name].rows() for name in lists}
    return patches.changed_values(values, base or {})


def list_typed_changes(edit: ProposalEditor, typed: dict[str, Any], names: DirectoryNames) -> list[FieldChange]:
    """Return these changes field by field.

    The browser does not send the client secret for this: the choice of a new value is all that is shown of it.
    """
    new_secret = edit.form["secret_mode"].value() not in (SAME, "", None)
    return patches.describe_changes(typed, edit.base.fields if edit.base else None, new_secret=new_secret, names=names)
