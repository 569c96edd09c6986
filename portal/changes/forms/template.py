"""Form to save what a change proposes as a template."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _


class TemplateForm(forms.Form):
    """The template's name; `may_share`: whether the user may offer it to all requesters."""

    name = forms.CharField(
        label=_("Name of the template"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Give the template a name.")},
    )
    shared = forms.BooleanField(label=_("For everybody who proposes"), required=False)

    def __init__(self, data: QueryDict | None = None, *, may_share: bool) -> None:
        super().__init__(data, auto_id="template-%s")
        if not may_share:
            del self.fields["shared"]

    def refuse_name(self, sentence: str) -> None:
        """Add the sentence as an error of the name, and do not show the name again."""
        self.data = {**self.data.dict(), "name": ""} if isinstance(self.data, QueryDict) else self.data
        self.add_error("name", sentence)

    @property
    def kept(self) -> dict[str, Any]:
        """The cleaned values, as arguments of save_template."""
        return {"name": self.cleaned_data["name"], "shared": self.cleaned_data.get("shared", False)}
