"""Form to edit an API secret: ten fields, a reason, a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.forms import EXACT
from portal.changes.domain import patch as patches
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.secret_encryption import EncryptedSecret
from portal.changes.domain.secret_generator import LENGTHS
from portal.changes.forms import rebase
from portal.changes.forms.fields import AddressText, ExactTextField, SecretField, TicketText
from portal.changes.forms.rebase import CHOICE, FieldConflict
from portal.changes.forms.shares import BLANK_ROWS, LONGEST, MOST_ROWS, BaseShareFormSet, ShareFormSet
from portal.vault import SHARE_FIELDS, TEXT_FIELDS, SecretStr
from portal.vault.scrubbing import is_quoted

NEEDED = ("name", "url", "client_id")
"""Fields that Segura refuses to empty (contract 5.4)."""

SAME, CARRIED, ENTER, GENERATE = "same", "carried", "enter", "generate"
REPLACE = "replace_{}"
_QUOTES = gettext_lazy(
    "%(field)s must not hold the new client secret: everyone who can see the change reads it. It was removed from the "
    "form. Describe the change without the value."
)


class ProposalForm(forms.Form):
    """The edit, against the `base` that the user sees; None if the secret could not be read.

    Without a base an empty field means «leave it as it is». `kept` is a new client secret entered or proposed earlier,
    which need not be typed again. For each of `conflicts` the form asks which side counts.
    """

    name = ExactTextField(limit=LONGEST, label=FIELD_LABELS["name"])
    url = AddressText(limit=LONGEST, label=FIELD_LABELS["url"])
    client_id = ExactTextField(limit=LONGEST, label=FIELD_LABELS["client_id"])
    identifier_code = ExactTextField(limit=LONGEST, label=FIELD_LABELS["identifier_code"])
    method = ExactTextField(
        limit=LONGEST,
        label=FIELD_LABELS["method"],
        widget=forms.TextInput(attrs={"list": "methods", **EXACT}),
        help_text=gettext_lazy("Choose an HTTP method, or type another one."),
    )
    tags = ExactTextField(
        limit=LONGEST, label=FIELD_LABELS["tags"], help_text=gettext_lazy("Separate tags with commas.")
    )
    notes = ExactTextField(
        limit=20_000,
        lines=True,
        label=FIELD_LABELS["notes"],
        widget=forms.Textarea(attrs={"rows": 4, **EXACT}),
    )
    secret_mode = forms.ChoiceField(
        widget=forms.RadioSelect,
        label=FIELD_LABELS["client_secret"],
        error_messages={"required": gettext_lazy("Choose what to do with the client secret.")},
    )
    client_secret = SecretField(
        limit=4000,
        label=gettext_lazy("New client secret"),
        help_text=gettext_lazy(
            "Taken exactly as typed, spaces and line ends included. It is encrypted immediately, never shown to "
            "anyone, not even to you, and deleted from Countersign when the change is closed."
        ),
    )
    is_the_value = forms.BooleanField(
        required=False,
        label=gettext_lazy("Yes, this is really the value"),
        widget=forms.CheckboxInput(attrs={"autocomplete": "off"}),
    )
    length = forms.TypedChoiceField(
        coerce=int,
        choices=[(length, str(length)) for length in LENGTHS],
        required=False,
        empty_value=str(LENGTHS[1]),
        label=gettext_lazy("Length"),
    )
    replace_users_allowed = forms.BooleanField(required=False, label=gettext_lazy("Replace the whole list"))
    replace_groups_allowed = forms.BooleanField(required=False, label=gettext_lazy("Replace the whole list"))
    reason = ExactTextField(
        limit=4000,
        lines=True,
        required=True,
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Why this is needed. Approvers and auditors read it."),
        error_messages={"required": gettext_lazy("Enter a reason. Approvers and auditors see it.")},
    )
    ticket = TicketText(
        limit=100,
        label=gettext_lazy("Ticket"),
        help_text=gettext_lazy("Number or address of a ticket, if any."),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        base: Snapshot | None,
        kept: EncryptedSecret | None = None,
        initial: Mapping[str, Any] | None = None,
        conflicts: Mapping[str, FieldConflict] | None = None,
    ) -> None:
        given = dict(initial or {})
        super().__init__(data, initial={"secret_mode": CARRIED if kept else SAME, "length": LENGTHS[1], **given})
        self.kept_value: SecretStr | None = None
        self.quotes_value = False
        self.base, self.kept, self.conflicts = base, kept, conflicts or {}
        for name, conflict in self.conflicts.items():
            self.fields[CHOICE.format(name)] = rebase.conflict_field(conflict)
        for name in TEXT_FIELDS:
            field = cast(ExactTextField, self.fields[name])
            field.seen = base.fields[name] if base else None
        self.offer_kept(kept)
        self.shares = {name: self._share_list(name, data, given.get(name)) for name in SHARE_FIELDS}

    def offer_kept(self, kept: EncryptedSecret | None) -> None:
        """Offer to use a value entered earlier."""
        self.kept = kept
        choices = [(SAME, _("Keep current value"))]
        if kept:
            choices.append((CARRIED, _("Keep the new value entered earlier")))
        choices += [
            (ENTER, _("Enter another value") if kept else _("Enter a new value")),
            (GENERATE, _("Generate a new value")),
        ]
        cast(forms.ChoiceField, self.fields["secret_mode"]).choices = choices

    def clean_reason(self) -> str:
        """Reject a reason that consists of spaces."""
        reason: str = self.cleaned_data["reason"]
        if not reason.strip():
            raise ValidationError(self.fields["reason"].error_messages["required"], code="required")
        return reason

    def clean(self) -> dict[str, Any]:
        super().clean()
        self._settle()
        self._clean_needed()
        self._clean_secret()
        self._clean_shares()
        self._refuse_mentions()
        if not self.errors and not self.patch() and self.cleaned_data["secret_mode"] == SAME:
            self.add_error(None, _("Nothing changed: edit at least one field."))
        return self.cleaned_data

    @property
    def asks_for_the_value(self) -> bool:
        """Whether the page shows the question if the new client secret is really a value."""
        return "is_the_value" in self.errors or bool(self["is_the_value"].value())

    def is_draft(self) -> bool:
        """Return whether the form can be saved as a draft: what is typed is valid; reason and secret may be missing."""
        self.is_valid()
        waiting = ["client_secret", "secret_mode", "is_the_value"]
        waiting += ["reason"] if self.has_error("reason", "required") else []
        in_order = not self.quotes_value and all(rows.is_valid() for rows in self.shares.values())
        waiting += [NON_FIELD_ERRORS] if in_order else []
        for name in waiting:
            self.errors.pop(name, None)
        return not self.errors

    def draft_patch(self) -> dict[str, Any]:
        """Return the fields that differ as they are typed, valid or not, without the client secret."""
        self.is_valid()
        texts = {
            name: self.cleaned_data.get(name, str(self[name].data or "").replace("\0", "")) for name in TEXT_FIELDS
        }
        lists = {name: rows.rows() for name, rows in self.shares.items() if rows.is_valid()}
        if self.base is None:
            texts = {name: text for name, text in texts.items() if text}
            lists = {name: rows for name, rows in lists.items() if self.cleaned_data.get(REPLACE.format(name))}
        return patches.changed_values({**texts, **lists}, self.base.fields if self.base else {})

    def patch(self) -> dict[str, Any]:
        """Return the fields that change, without the client secret. Requires a valid form."""
        texts = {name: self.cleaned_data[name] for name in TEXT_FIELDS}
        if self.base is None:
            lists = [name for name in SHARE_FIELDS if self.cleaned_data[REPLACE.format(name)]]
            texts = {name: text for name, text in texts.items() if text}
        else:
            lists = list(SHARE_FIELDS)
        wanted = {**texts, **{name: self._list(name) for name in lists}}
        return patches.changed_values(wanted, self.base.fields if self.base else {})

    def _settle(self) -> None:
        """Use the selected side of each text that both sides changed, and drop the errors of the other side."""
        for name in TEXT_FIELDS:
            choice = self.cleaned_data.get(CHOICE.format(name))
            if choice in (rebase.MINE, rebase.THEIRS):
                self.errors.pop(name, None)
                self.cleaned_data[name] = rebase.resolve_conflict(self.conflicts[name], choice, None)

    def _list(self, name: str) -> list[list[Any]]:
        rows = self.shares[name].rows()
        choice = self.cleaned_data.get(CHOICE.format(name))
        return cast(list[list[Any]], rebase.resolve_conflict(self.conflicts[name], choice, rows)) if choice else rows

    def _clean_needed(self) -> None:
        for name in NEEDED:
            emptied = self.base is not None and self.base.fields[name] and self.cleaned_data.get(name) == ""
            if emptied:
                self.add_error(name, _("Segura requires this field."))

    def _clean_secret(self) -> None:
        mode = self.cleaned_data.get("secret_mode")
        self._drop_what_is_not_chosen(mode)
        if "client_secret" in self.errors or not mode:
            return
        if mode == ENTER and self.cleaned_data.get("client_secret") is None:
            self.add_error("client_secret", _("Enter the new value, or choose not to change the client secret."))
        elif self._is_doubtful(mode) and not self.cleaned_data["is_the_value"]:
            self.add_error(
                "is_the_value",
                _(
                    "The new client secret looks like a placeholder or a masked copy. Is this really the value? "
                    "Confirm it here, or enter another one."
                ),
            )
        # Never reveal whether it equals the value in Segura: the form would be an oracle for guesses.

    def _drop_what_is_not_chosen(self, mode: str | None) -> None:
        """Ignore the controls of modes that are not selected, which the page hides, together with their errors."""
        if mode and mode != ENTER:
            self.errors.pop("client_secret", None)
            self.cleaned_data["client_secret"] = None
        if mode and mode != GENERATE:
            self.errors.pop("length", None)
            self.cleaned_data["length"] = str(LENGTHS[1])

    def _is_doubtful(self, mode: str) -> bool:
        if mode == CARRIED:
            return bool(self.kept and self.kept.traits.get("placeholder"))
        return mode == ENTER and cast(SecretField, self.fields["client_secret"]).doubtful

    def _clean_shares(self) -> None:
        for name, rows in self.shares.items():
            if self.cleaned_data.get(CHOICE.format(name)) == rebase.THEIRS:
                continue  # Segura's list was chosen, so the rows are not checked
            if not rows.is_valid():
                for error in rows.non_form_errors():
                    self.add_error(None, error)
                if any(rows.errors):
                    self.add_error(None, _("%(field)s: correct the marked row.") % {"field": rows.label})
            elif self.base is None and rows.rows() and not self.cleaned_data.get(REPLACE.format(name)):
                self.add_error(
                    REPLACE.format(name),
                    _("What the list holds now is unknown, so names cannot be added to it. Tick this to replace it."),
                )

    def _refuse_mentions(self) -> None:
        """Reject texts of the form that quote the new client secret, and remove them from the form."""
        kept = self.kept_value if self.cleaned_data.get("secret_mode") == CARRIED else None
        value = self.cleaned_data.get("client_secret") or kept
        if value is None:
            return
        quoting = [name for name in (*TEXT_FIELDS, "reason", "ticket") if is_quoted(value, str(self[name].data or ""))]
        for name in quoting:
            self.add_error(name, _QUOTES % {"field": self.fields[name].label})
        rows = {
            name: listed for name, listed in self.shares.items() if any(is_quoted(value, n) for n in listed.new_names())
        }
        for listed in rows.values():
            self.add_error(None, _QUOTES % {"field": listed.label})
        self.quotes_value = bool(quoting or rows)
        if self.quotes_value:
            self.data = self._without([*quoting, *(key for key in self.data if key.partition("-")[0] in rows)], value)
            self.shares |= {name: self._share_list(name, self.data, None) for name in rows}

    def _without(self, keys: Iterable[str], value: SecretStr) -> Any:
        """Return the sent data with each of these texts emptied if it quotes the value."""
        sent: Any = self.data.copy()  # type: ignore[attr-defined]  # copy() of a QueryDict is mutable
        for key in keys:
            if is_quoted(value, str(sent.get(key, ""))):
                sent[key] = ""
        return sent

    def _share_list(
        self, name: str, data: Mapping[str, Any] | None, rows: list[dict[str, Any]] | None
    ) -> BaseShareFormSet:
        label = str(FIELD_LABELS[name])
        too_many = _("%(field)s: these are more rows than there can be; at most %(limit)d are possible.")
        errors = {"too_many_forms": too_many % {"field": label, "limit": MOST_ROWS}}
        listed: BaseShareFormSet = ShareFormSet(data, prefix=name, initial=rows, error_messages=errors)  # type: ignore[assignment]
        listed.label = label
        listed.seen = self.base.fields[name] if self.base else None
        listed.absolute_max = len(listed.seen or ()) + MOST_ROWS + BLANK_ROWS
        return listed
