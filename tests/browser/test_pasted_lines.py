"""Text of several lines, pasted as people do: a key arrives whole, and a field of one line says what it dropped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n"
SECRET = 31


def paste(page: Page, into: str, text: str) -> None:
    """Copy the text from a control of several lines, and paste it with the keyboard."""
    page.evaluate(
        "text => { const area = document.createElement('textarea'); area.value = text; area.id = 'source';"
        " document.querySelector('main').append(area); area.select(); }",
        text,
    )
    page.keyboard.press("Control+c")
    page.evaluate("document.querySelector('#source').remove()")
    page.locator(into).focus()
    page.keyboard.press("Control+v")


def test_pasted_key_reaches_segura_with_its_line_ends(segura: Control, sign_in: Callable[..., Person]) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    page = requester.go(f"/secrets/{SECRET}/propose/")
    page.get_by_label("Enter a new value").check()
    paste(page, "[name=client_secret]", PEM)
    assert page.locator("[name=client_secret]").input_value() == PEM
    assert page.locator("[name=client_secret]").evaluate("e => getComputedStyle(e).webkitTextSecurity") == "disc"
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_label("Reason").fill("The provider gave us a new key")
    requester.preview()
    expect(page.locator("main")).to_contain_text("ends with a space or a line end")
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    change = requester.submit()
    approver.approve(change)
    approver.expect_status(change, "Applied")
    assert segura.secret(SECRET)["client_secret_sha256"] == hashlib.sha256(PEM.encode()).hexdigest()


@pytest.mark.parametrize("field", ["tags", "url", "ticket", "users_allowed-2-name"])
def test_field_of_one_line_says_that_it_dropped_line_ends(
    field: str, segura: Control, sign_in: Callable[..., Person]
) -> None:
    page = sign_in("requester").go(f"/secrets/{SECRET}/propose/")
    if page.locator(f"[name={field}]").count() == 0:
        field = page.locator("[name^=users_allowed-][name$=-name][type=text]").first.get_attribute("name") or ""
    paste(page, f"[name={field}]", "one\nline")
    expect(page.locator("[data-pasted]")).to_contain_text("its line ends were dropped")
    assert findings(page) == []
    page.locator(f"[name={field}]").fill("")
    paste(page, f"[name={field}]", "no line end")
    expect(page.locator(f"[name={field}]")).to_have_value("no line end")
    expect(page.locator("[data-pasted]")).to_have_count(0)


def test_choice_that_is_not_chosen_is_not_sent_and_keeps_what_was_typed(
    segura: Control, sign_in: Callable[..., Person]
) -> None:
    requester = sign_in("requester")
    page = requester.go(f"/secrets/{SECRET}/propose/")
    page.get_by_label("Enter a new value").check()
    page.locator("[name=client_secret]").fill("typed, then changed my mind")
    page.get_by_label("Generate a new value").check()
    expect(page.locator("[name=client_secret]")).to_be_disabled()
    page.get_by_label("Enter a new value").check()
    expect(page.locator("[name=client_secret]")).to_have_value("typed, then changed my mind")
    page.get_by_label("Generate a new value").check()
    page.get_by_label("Reason").fill("The portal makes it")
    requester.preview()
