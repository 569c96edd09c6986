"""Shared parts of table rows, computed once per list: in each row they would cost Django more than the row itself."""

from __future__ import annotations

from collections.abc import Callable

from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString

_PLACE = 1234567890


def escape_labels(**words: str) -> dict[str, SafeString]:
    """Return the labels escaped, for use in every row."""
    return {name: escape(word) for name, word in words.items()}


def build_url_function(name: str) -> Callable[[int], str]:
    """Return a function that builds the URL of a page from its number, for as long as one list is rendered."""
    before, after = reverse(name, args=[_PLACE]).split(str(_PLACE))
    return lambda number: f"{before}{number}{after}"
