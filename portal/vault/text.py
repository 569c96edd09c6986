"""Text from outside, made fit to keep: bounded, without control characters, without a secret."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from html import unescape
from urllib.parse import unquote, unquote_plus

from portal.unseen import is_unseen
from portal.vault.entity import Secret

LONGEST = 500
WITHHELD = "(withheld: the text held a secret)"
_READ = 20_000
"""Characters that are searched: several times as many as are ever kept, and no more than a worker has time for."""
_SHORT = 6
"""Bytes of a value whose middle part in base64 would be found by chance."""
_ESCAPE = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))""")
_ESCAPED = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

Scrubber = Callable[[str], str]


def clean(text: str) -> str:
    """The text on one line, at most LONGEST characters, without unseen or unpaired characters."""
    kept = "".join(" " if is_unseen(c) else c for c in text[:5000])
    line = " ".join(kept.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def scrubber(secrets: Iterable[Secret]) -> Scrubber:
    """A function that cleans a text, or withholds it if it holds one of `secrets` in a common spelling.

    It never raises, however odd the text, and takes no longer for a long one: an answer must come to the log.
    """
    known = tuple(secrets)

    def scrub(text: str) -> str:
        try:
            readings = _readings(text[:_READ])
        except ValueError:  # html.unescape over a number of thousands of digits
            return WITHHELD
        return WITHHELD if any(_holds(readings, secret) for secret in known) else clean(text)

    return scrub


def _holds(readings: set[str], secret: Secret) -> bool:
    value = secret.reveal()
    if not value:
        return False
    spellings = (value, *_encoded(value.encode("utf-8", "surrogatepass")))
    return any(spelling in reading for reading in readings for spelling in spellings)


def _readings(text: str) -> set[str]:
    """The text, and what it says once escapes of HTML, URLs and JSON are undone, up to two inside each other."""
    readings = {text}
    for _ in range(2):
        readings |= {decode(each) for decode in (unescape, unquote, unquote_plus, _unjson) for each in readings}
    readings |= {each.lower() for each in readings}  # for hexadecimal in capitals
    return readings | {each.replace("-", "+").replace("_", "/") for each in readings}  # for the base64 of URLs


def _encoded(raw: bytes) -> Iterator[str]:
    """Hexadecimal and base64, the latter also inside something longer, as in `Basic` credentials."""
    yield raw.hex()
    if len(raw) < _SHORT:
        yield base64.b64encode(raw).decode().rstrip("=")
        return
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        yield encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]  # the characters that depend on it alone


def _unjson(text: str) -> str:
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPED[found[2]], text)
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")  # joins pairs
