"""Text that hides nothing: what would vanish, or turn its neighbours around, is shown as an escape."""

from __future__ import annotations

import json
import re

# Controls but for the line end, soft hyphen, zero width, bidirectional and other format characters, U+2028 and U+2029.
_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""The text with such characters written as JSON writes them (`\u202e`), so that JSON keeps its meaning."""
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
