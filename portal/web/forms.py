"""What people send about pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django import forms
from django.utils.translation import gettext as _

_LETTERS = 60
_QUERY = 1000
_NOT_KEPT = ("at", "open")
"""Where one stood in a list is no part of what was looked for."""


class SavedFilterForm(forms.Form):
    """A name for what a list is asked for. `pages`: the lists that this person may open."""

    page = forms.ChoiceField()
    query = forms.CharField(max_length=_QUERY, required=False)
    name = forms.CharField(max_length=_LETTERS)

    def __init__(self, *args: Any, pages: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["page"].choices = [(page, page) for page in pages]  # type: ignore[attr-defined]

    def clean_query(self) -> str:
        """Only what narrows, spelled one way."""
        asked = parse_qsl(self.cleaned_data["query"])
        query = urlencode([(name, text) for name, text in asked if name not in _NOT_KEPT and text.strip()])
        if not query:
            raise forms.ValidationError(_("Choose a filter first: nothing is narrowed here."))
        return query

    def page_asked(self) -> str:
        """The list, '' for one that this person cannot open."""
        return str(self.cleaned_data.get("page", ""))

    def query_asked(self) -> str:
        """What it was narrowed to."""
        return str(self.cleaned_data.get("query", ""))

    def sentence(self) -> str:
        """What is wrong, in one sentence."""
        if "name" in self.errors:
            return _("Give the filter a name of at most %(letters)s letters.") % {"letters": _LETTERS}
        return " ".join(str(text) for texts in self.errors.values() for text in texts)
