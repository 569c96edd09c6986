"""Text from outside, made fit to keep: bounded, without control characters, without a secret."""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote, unquote_plus

from portal.vault.entity import Secret

LONGEST = 500
WITHHELD = "(withheld: the text held a secret)"

_ENCODED_WITHIN = 8
_URLSAFE = str.maketrans("+/", "-_")

Scrubber = Callable[[str], str]


def clean(text: str) -> str:
    """The text on one line, at most LONGEST characters, without control, format or unpaired characters."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text[:5000])
    line = " ".join(kept.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def scrubber(secrets: Iterable[Secret]) -> Scrubber:
    """A function that cleans a text, or withholds it if it holds one of `secrets` in a common spelling."""
    known = tuple(secrets)

    def scrub(text: str) -> str:
        return WITHHELD if any(_holds(text, secret) for secret in known) else clean(text)

    return scrub


def _holds(text: str, secret: Secret) -> bool:
    value = secret.reveal()
    if not value:
        return False
    raw = value.encode("utf-8", "surrogatepass")
    # However much of it was escaped, and in whichever case: what is read must be compared, not what is written.
    readings = (text, html.unescape(text), unquote(text), unquote_plus(text), text.replace("\\/", "/"))
    spellings = (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], *_base64(raw))
    return raw.hex() in text.lower() or any(spelling in reading for reading in readings for spelling in spellings)


def _base64(raw: bytes) -> Iterator[str]:
    """As it is alone and, unless it is so short that this could be anything, inside of a longer text (Basic)."""
    yield base64.b64encode(raw).decode()
    for shift in range(3) if len(raw) >= _ENCODED_WITHIN else ():
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        inside = encoded[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6]
        yield inside
        yield inside.translate(_URLSAFE)
