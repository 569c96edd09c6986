"""Forms of the pages in general: saved filters."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django import forms
from django.utils.translation import gettext as _

_LETTERS = 60
_QUERY = 1000
_NOT_KEPT = ("at", "open")
"""Parameters that are not saved: they say where a user was in the list, not what was searched for."""


class SavedFilterForm(forms.Form):
    """A name for the filter of a list. `pages`: the lists that the user may open."""

    page = forms.ChoiceField()
    query = forms.CharField(max_length=_QUERY, required=False)
    name = forms.CharField(max_length=_LETTERS)

    def __init__(self, *args: Any, pages: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["page"].choices = [(page, page) for page in pages]  # type: ignore[attr-defined]

    def clean_query(self) -> str:
        """Return only the parameters that filter, encoded in one way. Raises ValidationError if there are none."""
        asked = parse_qsl(self.cleaned_data["query"])
        query = urlencode([(name, text) for name, text in asked if name not in _NOT_KEPT and text.strip()])
        if not query:
            raise forms.ValidationError(_("Choose a filter first: nothing is narrowed here."))
        return query

    def page_asked(self) -> str:
        """Return the list; '' for one that the user cannot open."""
        return str(self.cleaned_data.get("page", ""))

    def query_asked(self) -> str:
        """Return the filter as a query string."""
        return str(self.cleaned_data.get("query", ""))

    def sentence(self) -> str:
        """Return the errors of the form as one text."""
        if "name" in self.errors:
            return _("Give the filter a name of at most %(letters)s letters.") % {"letters": _LETTERS}
        return " ".join(str(text) for texts in self.errors.values() for text in texts)
