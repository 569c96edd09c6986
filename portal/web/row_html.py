"""What the rows of a list share, made once for all of them: in each it costs Django more than the row itself."""

from __future__ import annotations

from collections.abc import Callable

from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString

_PLACE = 1234567890


def escape_labels(**words: str) -> dict[str, SafeString]:
    """Words that stand in every row."""
    return {name: escape(word) for name, word in words.items()}


def build_url_function(name: str) -> Callable[[int], str]:
    """The addresses of a page that is found by one number, for as long as the list is drawn."""
    before, after = reverse(name, args=[_PLACE]).split(str(_PLACE))
    return lambda number: f"{before}{number}{after}"
