"""Folding of text for searches that ignore case and accents."""

from __future__ import annotations

import unicodedata


def fold_text(text: str) -> str:
    """Return the text without case and accents, so that a search ignores both."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))
