"""Values of a proposal: the impossible is refused, the unlikely is said to approvers, and one name has one spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.changes.domain import lookalikes, risks
from portal.changes.domain.patch import FieldChange, ShareChange
from portal.changes.forms.shares import LONGEST
from portal.common.invisible_characters import show_invisible
from portal.sandbox import Sandbox
from tests.changes.pages import text_of
from tests.changes.paper import press
from tests.people import mirrored

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/secrets/43/propose/"


@pytest.fixture
def preview(
    segura: Sandbox, requester: User, approver: User, as_person: Callable[[User], Client]
) -> Callable[..., Any]:
    mirrored()
    browser = as_person(requester)

    def send(**typed: str) -> Any:
        return press(browser, URL, browser.get(URL), "preview", **{"reason": "The endpoint moves to the EU", **typed})

    return send


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "ftp://gcp.example/", "tel:1",
        "gcp.example/path", "//gcp.example/", "/only/a/path", "https:", "https://", "https:///gcp.example",
        "https://:443/", "https:gcp.example", "https:\\\\gcp.example", "https://gcp.example:0/", "x", "http", "?",
        "https://gcp.example:99999/", "https://gcp.example:port/", "https://gcp example/", "https://gcp.example/a b",
        "JAVASCRIPT:alert(1)", "JavaScript://gcp.example/%0aalert(1)", " javascript:alert(1)", "\tjavascript:alert(1)",
        "java\tscript:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)", "java\x00script:alert(1)",
        "DATA:text/html;base64,PHNjcmlwdD4=", "data :text/html,x", "FILE:///c:/x", "file://gcp.example/share",
        "VBScript:msgbox(1)", "blob:https://gcp.example/1", "about:blank", "view-source:https://gcp.example/",
        "http:/gcp.example", "https://?q=1", "https://#part", "https://@/", "https://user:pass@/", "https://:@:1/",
        "https://gcp.example\u2028/", "https://gcp\u200b.example/", "https://gcp.example/\x7f",
        "https\uff1a//gcp.example/",
        " https://gcp.example/", "https://gcp.example/\u00a0", "https://[gcp.example/",
    ],
)  # fmt: skip
def test_requester_cannot_propose_an_address_that_nothing_can_be_sent_to(url: str, preview: Callable[..., Any]) -> None:
    page = preview(url=url)
    assert page.status_code == 422
    assert "ddress" in text_of(page)


@pytest.mark.parametrize(
    "url",
    ["https://gcp-eu.example", "http://localhost:8080/x", "HTTPS://GCP.example/", "https://10.0.0.7:8443/a?b=c#d",
     "https://[2001:db8::1]/", "https://gcp.example/{tenant}/ação", "https://user@gcp.example/"],
)  # fmt: skip
def test_requester_can_propose_any_address_of_a_host(url: str, preview: Callable[..., Any]) -> None:
    assert preview(url=url).status_code == 200


@pytest.mark.parametrize("stored", ["javascript:alert(1)", "not an address", "https://"])
def test_address_that_the_vault_holds_blocks_no_other_edit(
    stored: str, segura: Sandbox, preview: Callable[..., Any]
) -> None:
    segura.control.edit(43, url=stored)
    assert preview(tags="changed").status_code == 200


@pytest.mark.parametrize(
    "ticket",
    ["javascript:x", " JaVaScript:x", "data:text/html,x", "file:///x", "vbscript:x", "\u00a0javascript :x", "FILE:///x",
     "java\tscript:x", "\x01javascript:x", "DATA:,x", "VbScript :x", "about:blank", "blob:https://x/1"],
)  # fmt: skip
def test_ticket_is_no_address_that_runs_something(ticket: str, preview: Callable[..., Any]) -> None:
    assert preview(tags="changed", ticket=ticket).status_code == 422


@pytest.mark.parametrize("ticket", ["OPS-42", "https://tickets.example/42", "INC: 17", "#42"])
def test_ticket_is_a_number_or_an_address(ticket: str, preview: Callable[..., Any]) -> None:
    assert preview(tags="changed", ticket=ticket).status_code == 200


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("method", "banana", "banana is no method of HTTP"),
        ("method", "GET POST", "no method of HTTP"),
        ("name", "n" * 400, "400 characters long"),
        ("tags", "a,,b", "empty tag"),
        ("tags", "prod, Prod", "named twice"),
        ("tags", "caf\u00e9,cafe\u0301", "named twice"),
        ("identifier_code", "two words", "with a space"),
        ("client_id", "two words", "with a space"),
        ("name", "Another", "The name of the secret changes"),
    ],
)
def test_preview_says_what_is_unlikely(field: str, text: str, sentence: str, preview: Callable[..., Any]) -> None:
    page = preview(**{field: text})
    assert page.status_code == 200
    assert sentence in text_of(page)


@pytest.mark.parametrize("field", ["name", "client_id", "identifier_code", "tags", "method", "url"])
@pytest.mark.parametrize("beyond", [1, 3000])
def test_requester_is_told_by_how_much_a_text_is_too_long(field: str, beyond: int, preview: Callable[..., Any]) -> None:
    start = "https://gcp.example/" if field == "url" else ""
    page = preview(**{field: start.ljust(LONGEST + beyond, "n")})
    assert page.status_code == 422
    assert f"is {LONGEST + beyond} characters long; at most {LONGEST} characters are possible" in text_of(page)


@pytest.mark.parametrize(
    "reason",
    ["x", "ok", ". . . . . . . . . .", "urgent!", "12345678901234", "2026-11-30 02:15:00", "0.0.0.0 / 127.0.0.1",
     "????????????????", "\u00bf\u00bf\u00bf\u00bf", "xxxxxxxxxxxxxxxx", "ababababababab", "\U0001f680" * 20],
)  # fmt: skip
def test_preview_says_that_a_reason_says_very_little(reason: str, preview: Callable[..., Any]) -> None:
    assert "The reason says very little" in text_of(preview(tags="changed", reason=reason))
    assert "The reason says very little" not in text_of(preview(tags="changed"))


SAME = [
    ("caf\u00e9", "cafe\u0301"),
    ("Alices", "alices"),
    ("o'neil", "o\u2019neil"),
    ("a-b", "a\u2010b"),
    ("\uff41lices", "alices"),
    ("stra\u00dfe", "STRASSE"),
    ("a b", "a\u00a0b"),
    ("ali\u200dces", "alices"),
    ("\u212bngstr", "\u00c5ngstr"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_requester_cannot_share_with_two_spellings_of_one_name(
    one: str, other: str, preview: Callable[..., Any]
) -> None:
    page = preview(users_allowed__1__name=one, users_allowed__2__name=other)
    assert page.status_code == 422
    assert "Spelled out" in text_of(page)
    assert preview(users_allowed__1__name=one).status_code == 200


@pytest.mark.parametrize(("one", "other"), SAME)
@pytest.mark.parametrize("field", ["name", "client_id", "identifier_code", "tags"])
def test_rename_between_spellings_is_a_high_risk_told_in_words(field: str, one: str, other: str) -> None:
    found = {risk.kind: risk for risk in risks.find_risks([FieldChange(field, old=one, new=other)], base_known=True)}
    assert found["letters"].is_high
    assert lookalikes.escape_non_ascii(one) in found["letters"].sentence
    assert lookalikes.escape_non_ascii(other) in found["letters"].sentence


@pytest.mark.parametrize(("one", "other"), SAME)
def test_share_beside_another_spelling_of_its_name_is_a_high_risk(one: str, other: str) -> None:
    for shares in (
        (ShareChange(one, True, None), ShareChange(other, None, True)),
        (ShareChange(one, True, True), ShareChange(other, None, True)),
    ):
        found = risks.find_risks([FieldChange("users_allowed", shares=shares)], base_known=True)
        assert "letters" in {risk.kind for risk in found if risk.is_high}


@pytest.mark.parametrize(("one", "other"), [("alices", "alicez"), ("a b", "ab"), ("a-b", "a_b"), ("cafe", "caf\u00e9")])
def test_names_that_look_different_are_two_names(one: str, other: str) -> None:
    assert lookalikes.find_same_names([one, other]) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cafe\u0301", "cafe⟨U+0301⟩"),
        ("caf\u00e9", "caf\u00e9"),
        ("n\u0303a\u0303o", "n⟨U+0303⟩a⟨U+0303⟩o"),
        ("plain", "plain"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f\u0928\u094d\u0926\u0940"),
    ],
)
def test_difference_spells_accents_that_are_characters_of_their_own(text: str, shown: str) -> None:
    assert show_invisible(text) == shown
