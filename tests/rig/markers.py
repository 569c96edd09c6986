"""Recognisable secrets, and a search that finds them in any spelling they could have leaked in."""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
import string
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_ALPHABET = string.ascii_letters + string.digits
_PIECE = 12
_DEFLATED = re.compile(rb"eJ[wxyz][A-Za-z0-9_-]{16,}")  # as Django signs sessions and messages: base64 of zlib

Source = tuple[str, bytes]
"""Where it is from, and what is there."""


class Marker(str):
    """A secret that went a certain way. Its repr, which test reports print, names only the way.

    The core is what is looked for: letters and digits, which URL, JSON, HTML and Python escapes leave as they are.
    """

    way: str
    core: bytes

    @classmethod
    def new(cls, way: str) -> Marker:
        """A fresh one, with characters around its core that are escaped differently everywhere."""
        core = "".join(secrets.choice(_ALPHABET) for _ in range(2 * _PIECE))
        return cls.known(way, f"<{core}+/=&\"%ç'>", core.encode())

    @classmethod
    def known(cls, way: str, value: str, core: bytes = b"") -> Marker:
        """A secret that somebody else made."""
        marker = cls(value)
        marker.way, marker.core = way, core or value.encode()
        return marker

    def __repr__(self) -> str:
        return f"<marker: {self.way}>"


@dataclass(frozen=True)
class Finding:
    """A marker where none may be; says where and which, never what."""

    source: str
    offset: int
    way: str
    spelling: str


def search(sources: Iterable[Source], markers: Iterable[Marker]) -> list[Finding]:
    """Each half of each marker's core in each spelling; what is deflated is inflated first."""
    needles = [
        (marker.way, spelling, needle)
        for marker in markers
        for half in (marker.core[:_PIECE], marker.core[-_PIECE:])
        for spelling, needle in _spellings(half)
    ]
    return [
        Finding(name, data.index(needle), way, spelling)
        for name, data in _with_inflated(sources)
        for way, spelling, needle in needles
        if needle in data
    ]


def _spellings(text: bytes) -> Iterator[tuple[str, bytes]]:
    yield "plain", text
    yield "UTF-16", text.decode("latin-1").encode("utf-16-le")
    yield "hex", text.hex().encode()
    yield "hex", text.hex().upper().encode()
    for needle in {*_base64(text, b"+/"), *_base64(text, b"-_")}:
        yield "base64", needle


def _base64(text: bytes, others: bytes) -> Iterator[bytes]:
    """The characters that are the same whatever stands around the text, in each of the three alignments."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + text, others)
        yield encoded[-(-8 * shift // 6) : 8 * (shift + len(text)) // 6]


def _with_inflated(sources: Iterable[Source]) -> Iterator[Source]:
    for name, data in sources:
        yield name, data
        for match in _DEFLATED.finditer(data):
            with contextlib.suppress(ValueError, zlib.error):
                packed = base64.urlsafe_b64decode(match.group() + b"=" * (-len(match.group()) % 4))
                yield f"{name}, inflated at {match.start()}", zlib.decompressobj().decompress(packed)
