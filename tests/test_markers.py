"""The search for leaked secrets, tried on planted ones: a sweep that could not find would prove nothing."""

from __future__ import annotations

import base64
import html
import json
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.rig.markers import Marker, search

SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "in a URL": lambda value: quote(value, safe="").encode(),
    "in JSON": lambda value: json.dumps({"a": value}).encode(),
    "in HTML": lambda value: html.escape(value).encode(),
    "in Python": lambda value: repr({"a": str(value)}).encode(),
    "in hex": lambda value: value.encode().hex().encode(),
    "in UTF-16": lambda value: value.encode("utf-16-le"),
    "in base64": lambda value: base64.b64encode(value.encode()),
    "in base64, one byte in": lambda value: base64.b64encode(b"1" + value.encode()),
    "in base64, two bytes in": lambda value: base64.urlsafe_b64encode(b"12" + value.encode()),
    "deflated in a session": lambda value: b":" + base64.urlsafe_b64encode(zlib.compress(2 * value.encode())) + b":",
    "its first half": lambda value: value.encode()[:14],
    "its second half": lambda value: value.encode()[13:],
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_search_finds_a_planted_marker(spelling: str) -> None:
    marker, other = Marker.new("planted"), Marker.new("not planted")
    (finding, *_) = found = search([("file", b"\0before" + SPELLINGS[spelling](marker) + b"after\n")], [marker, other])
    assert finding.source.startswith("file")
    assert {each.way for each in found} == {"planted"}
    assert marker.core.decode() not in repr(found) + repr(marker)
