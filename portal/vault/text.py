"""Text from outside, made fit to keep: bounded, without control characters, without a secret."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

from portal.vault.entity import Secret

LONGEST = 500
WITHHELD = "(withheld: the text held a secret)"

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
    spellings = (
        value,
        quote(raw),
        quote(raw, safe=""),
        quote_plus(raw),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        base64.b64encode(raw).decode(),
        raw.hex(),
    )
    return any(spelling in text for spelling in spellings)
