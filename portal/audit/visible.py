"""Text that hides nothing: what would vanish, or turn its neighbours around, is shown as an escape."""

from __future__ import annotations

import json

from portal.common.invisible_characters import replace_invisible


def escape_invisible(text: str) -> str:
    r"""The text with unseen characters written as JSON writes them (`\u202e`), so that JSON keeps its meaning."""
    return replace_invisible(text, lambda char: json.dumps(char)[1:-1])
