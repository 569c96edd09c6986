"""Escapes for invisible characters: those that would vanish or reorder their neighbours become visible."""

from __future__ import annotations

import json

from portal.common.invisible_characters import replace_invisible


def escape_invisible(text: str) -> str:
    r"""Return the text with invisible characters as JSON escapes (`\u202e`), so that JSON keeps its meaning."""
    return replace_invisible(text, lambda char: json.dumps(char)[1:-1])
