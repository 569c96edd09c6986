"""Acts that end a change ask once more in a sheet, with and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]
NEW_VALUE = "n3w-Value-that-nobody-approves"


def expect_status(page: Page, status: str) -> None:
    page.reload()
    expect(page.locator("#status .badge-status").first).to_have_text(status)


def test_withdraw_takes_two_clicks_and_escape_leaves_the_change_pending_z1(segura: Control, sign_in: SignIn) -> None:
    requester = sign_in("requester")
    change = requester.propose(31, value=NEW_VALUE)
    page = requester.go(f"/changes/{change}/")
    page.locator("#withdraw").click()
    sheet = page.get_by_role("dialog", name=f"Withdraw CR-{change}?")
    expect(sheet).to_contain_text("The encrypted new client secret is deleted.")
    expect(sheet).to_contain_text("To try again, propose a new change.")
    expect(sheet.get_by_role("button", name="Keep the change")).to_be_focused()
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.locator("#withdraw")).to_be_focused()
    expect_status(page, "Pending")
    page.locator("#withdraw").click()
    sheet.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.locator("#messages")).to_contain_text(f"You withdrew CR-{change}")
    expect_status(page, "Withdrawn")


def test_withdraw_and_undo_work_without_javascript_z3(segura: Control, sign_in: SignIn) -> None:
    requester = sign_in("requester", java_script_enabled=False)
    change = requester.propose(31, notes="withdrawn without a script")
    page = requester.go(f"/changes/{change}/")
    confirm = page.locator("#withdraw-sheet")
    expect(confirm).to_be_hidden()
    page.locator("#withdraw").click()
    expect(confirm).to_contain_text("Nothing is sent to Segura")
    confirm.get_by_role("button", name="Keep the change").click()
    expect(confirm).to_be_hidden()
    expect_status(page, "Pending")
    page.locator("#withdraw").click()
    confirm.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.locator("#messages")).to_contain_text(f"You withdrew CR-{change}")

    requester.go("/secrets/31/propose/")
    page.locator("[name=notes]").fill("a draft to bring back")
    page.get_by_role("button", name="Save draft").click()
    page = requester.go("/secrets/31/propose/")
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Undo").click()
    requester.go("/secrets/31/propose/")
    expect(page.locator("[name=notes]")).to_have_value("a draft to bring back")
