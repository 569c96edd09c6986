"""Tickets, addresses and copy buttons in what users wrote."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal.changes.templatetags.links import copy_button, ticket_link, with_links
from portal.common import env, links

PATTERNS = r"^(OPS|PAY)-\d+$ → https://jira.example.com/browse/{0} INC(\d+) => https://desk.example/i?n={1}"


@pytest.fixture(autouse=True)
def link_settings(settings: object) -> None:
    settings.TICKET_URL_PATTERNS = links.parse_ticket_patterns(PATTERNS)  # type: ignore[attr-defined]
    settings.LINK_HOSTS = frozenset({"wiki.example"})  # type: ignore[attr-defined]


def hrefs(html: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'<a href="([^"]*)"', html)]


@pytest.mark.parametrize(
    ("ticket", "address"),
    [("OPS-101", "https://jira.example.com/browse/OPS-101"), ("INC77", "https://desk.example/i?n=77")],
)
def test_ticket_links_to_the_address_of_its_pattern_cl1(ticket: str, address: str) -> None:
    assert hrefs(ticket_link(ticket)) == [address]
    assert 'rel="noopener noreferrer"' in ticket_link(ticket)


@pytest.mark.parametrize("ticket", ["OPS-101x", "see OPS-101", "OPS-", "", "<b>", "OPS-101\n"])
def test_ticket_that_no_pattern_matches_whole_is_text(ticket: str) -> None:
    assert "<a" not in ticket_link(ticket)
    assert "<b>" not in ticket_link(ticket)


def test_address_of_another_host_in_a_reason_is_text_cl2() -> None:
    shown = with_links("Read https://evil.example/x before")
    assert hrefs(shown) == []
    assert "https://evil.example/x" in shown
    assert 'data-copy="https://evil.example/x"' in shown


def test_address_of_a_trusted_host_is_a_link_without_the_full_stop() -> None:
    shown = with_links("See https://wiki.example/plan?a=1&b=2.")
    assert hrefs(shown) == ["https://wiki.example/plan?a=1&b=2"]
    assert shown.endswith("</a>.")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example\\@wiki.example/",
        "https://wiki.example@evil.example/",
        "https://wiki.example:8443/",
        "https://wiki.example\\.evil.example/",
        "https://wiki.example.evil.example/",
        "http://wiki.example/",
        "https://wiki.example/\u202eplan",
        "https://w\u0456ki.example/",
        "javascript:alert(1)//https://wiki.example.evil/",
    ],
)
def test_address_that_a_browser_may_read_in_another_way_is_text(address: str) -> None:
    assert hrefs(with_links(f"Go to {address} now")) == []


def test_markup_in_a_text_is_escaped() -> None:
    assert "<script" not in with_links("<script>x</script> https://evil.example/<script>")


@pytest.mark.parametrize("value", ['a"b<c>&amp;', "line 1\r\nline 2\n", " space ", "é"])
def test_copy_button_holds_the_stored_value_exactly(value: str) -> None:
    (held,) = re.findall(r'data-copy="([^"]*)"', copy_button(value, "value"))
    assert "\r" not in held
    assert unescape(held) == value


@pytest.mark.parametrize(
    "text", ["^OPS", "^OPS( https://x.example/{0}", "^OPS https://x.example/{1}", "^OPS http://x.example/{0}",
             "^OPS https://{0}.example/", "^OPS https://x.example/{name}"]
)  # fmt: skip
def test_ticket_pattern_that_cannot_work_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKET_URL_PATTERN", text)
    with pytest.raises(ImproperlyConfigured, match="TICKET_URL_PATTERN"):
        env.get_ticket_patterns("TICKET_URL_PATTERN")


@pytest.mark.parametrize("text", ["https://wiki.example", "wiki.example:443", "*.example", "wiki.example/x"])
def test_link_host_is_a_host_name_alone(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINK_HOSTS", text)
    with pytest.raises(ImproperlyConfigured, match="LINK_HOSTS"):
        env.get_hosts("LINK_HOSTS")
