"""The filters of the log, as they stand in the address."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.audit import events
from portal.audit.models import Filters

_LARGEST = 2**63 - 1
_CHANGE = re.compile(r"(?:CR-)?(\d{1,18})", re.IGNORECASE)
_CODE = re.compile(r"[1-5]\d\d|[1-5]xx|none")


def _kinds() -> list[tuple[str, str | list[tuple[str, str]]]]:
    return [("", str(_("Everything"))), *events.choices()]


def _moment() -> forms.DateTimeInput:
    return forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class FilterForm(forms.Form):
    """What to look for in the log. All fields may stay empty; times are UTC."""

    person = forms.CharField(label=_("Person"), required=False, max_length=150)
    secret = forms.IntegerField(
        label=_("Secret's identifier"),
        required=False,
        min_value=0,
        max_value=_LARGEST,
        widget=forms.TextInput({"inputmode": "numeric"}),
    )
    change = forms.CharField(
        label=_("Change"), required=False, max_length=30, widget=forms.TextInput({"placeholder": "CR-12"})
    )
    kind = forms.ChoiceField(label=_("Kind of event"), required=False, choices=_kinds)
    code = forms.CharField(
        label=_("Response code"),
        required=False,
        max_length=10,
        widget=forms.TextInput({"list": "codes", "placeholder": "201, 4xx, none"}),
    )
    since = forms.DateTimeField(label=_("From (UTC)"), required=False, widget=_moment())
    until = forms.DateTimeField(label=_("Before (UTC)"), required=False, widget=_moment())

    def clean_change(self) -> int | None:
        text = self.cleaned_data["change"]
        if not text:
            return None
        found = _CHANGE.fullmatch(text)
        if not found:
            raise forms.ValidationError(_("A change is a number, with or without CR-, such as CR-12."))
        return int(found[1])

    def clean_code(self) -> str:
        text: str = self.cleaned_data["code"].lower()
        if text and not _CODE.fullmatch(text):
            raise forms.ValidationError(
                _("A response code is a number such as 201, a class such as 4xx, or none for calls without an answer.")
            )
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since >= until:
            self.add_error("until", _("The end of the time range must come after its beginning."))
        return cleaned

    def filters(self) -> Filters:
        """The filters of a valid form."""
        return Filters(**self.cleaned_data)

    def asked(self) -> dict[str, str]:
        """What is not empty, as typed: for the address and for the record."""
        return {name: self.data[name].strip() for name in self.fields if self.data.get(name, "").strip()}
