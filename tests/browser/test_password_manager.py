"""A browser that has saved the sign-in fills it in by itself: into the password check, and into no other field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from portal.sandbox import Control
from tests.browser.test_presence import AGE
from tests.rig.desk import Person
from tests.rig.portal import Portal
from tests.rig.saved_login import browser_with_saved_login

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]
FILLED = """() => [...document.querySelectorAll("main input, main textarea")]
  .filter((field) => field.matches(":autofill") && field.type !== "password").map((field) => field.outerHTML)"""
TYPED_BY_NOBODY = """(name) => [...document.querySelectorAll("main input:not([readonly]), main textarea")]
  .filter((field) => field.value.includes(name) && field.type !== "hidden").map((field) => field.outerHTML)"""


@pytest.fixture
def own_browser(browser: Browser, portal: Portal, tmp_path: Path) -> Iterator[Callable[[str], BrowserContext]]:
    """`own_browser("approver")`: that person's browser, which has saved their sign-in; they signed in long ago."""
    opened = []

    def open_browser(name: str) -> BrowserContext:
        opened.append(browser_with_saved_login(browser, tmp_path / name, portal.url, name, portal.accounts[name]))
        context: BrowserContext = opened[-1].__enter__()
        page = context.new_page()
        page.goto(portal.url)
        page.locator("[name=login]").fill(name)
        page.locator("[name=password]").fill(portal.accounts[name])
        page.locator("main form:has([name=login]) button[type=submit]").click()
        expect(page.locator("body.framed")).to_be_attached()
        portal.manage("shell", "-c", AGE)
        return context

    yield open_browser
    for each in opened:
        each.__exit__(None, None, None)


def let_the_browser_fill(page: Page) -> None:
    """A browser shows a saved sign-in to the page at the person's first click."""
    page.wait_for_timeout(1500)
    page.mouse.click(5, 5)
    expect(page.locator("main [name=password]").first).not_to_have_value("", timeout=10_000)


def test_saved_sign_in_is_no_reason_of_a_decision_on_several_changes(
    own_browser: Callable[[str], BrowserContext], portal: Portal, segura: Control, sign_in: SignIn
) -> None:
    change = sign_in("requester").propose(29, notes="nobody gave a reason")
    page = own_browser("approver").pages[-1]
    page.goto(f"{portal.url}/queue/?open={change}")
    let_the_browser_fill(page)
    assert page.evaluate(FILLED) == []
    assert page.evaluate(TYPED_BY_NOBODY, "approver") == []
    page.locator(f"#pick-{change} [name=picks]").check()
    page.get_by_role("button", name="Reject selected").click()
    expect(page.locator("main").get_by_role("alert").first).to_contain_text("reason")
    page.goto(f"{portal.url}/changes/{change}/")
    expect(page.locator("#status .badge-status").first).to_have_text("Pending")


def test_reject_selected_with_an_empty_comment_is_refused_with_a_saved_login_q10(
    own_browser: Callable[[str], BrowserContext], portal: Portal, segura: Control, sign_in: SignIn
) -> None:
    requester = sign_in("requester")
    changes = [requester.propose(secret, notes="rejected together") for secret in (29, 31)]
    page = own_browser("approver").pages[-1]
    page.goto(f"{portal.url}/queue/")
    let_the_browser_fill(page)
    for change in changes:
        page.locator(f"#pick-{change} [name=picks]").check()
    comment, reject = page.get_by_label("Comment for all selected"), page.get_by_role("button", name="Reject selected")
    expect(comment).to_have_value("")
    reject.click()
    expect(page.locator("#bulk").get_by_role("alert").first).to_contain_text("reason")
    expect(page.locator("#picked")).to_have_text("2 selected")
    for change in changes:
        requester.expect_status(change, "Pending")
    comment.fill("Not agreed with the owner")
    if page.locator("#bulk [name=password]").count():
        page.locator("#bulk [name=password]").fill(portal.accounts["approver"])
    reject.click()
    for change in changes:
        requester.expect_status(change, "Rejected")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("approver", "/changes/{change}/"),
        ("approver", "/queue/?open={change}"),
        ("admin", "/operations/"),
        ("approver", "/accounts/password/change/"),
        ("approver", "/accounts/reauthenticate/"),
    ],
)
def test_saved_sign_in_fills_the_password_check_and_nothing_else(
    name: str,
    path: str,
    own_browser: Callable[[str], BrowserContext],
    portal: Portal,
    segura: Control,
    sign_in: SignIn,
) -> None:
    change = sign_in("requester").propose(29, notes=f"looked at by {name} at {path}")
    page = own_browser(name).pages[-1]
    page.goto(portal.url + path.format(change=change))
    page.wait_for_timeout(1500)
    page.mouse.click(5, 5)
    page.wait_for_timeout(500)
    assert page.evaluate(FILLED) == []
    assert page.evaluate(TYPED_BY_NOBODY, name) == []
    for check in page.locator("main [autocomplete=current-password]").all():
        before = check.evaluate("check => [...check.form.elements].filter(e => e.type === 'text').at(-1)?.outerHTML")
        assert 'autocomplete="username"' in before
        assert f'value="{name}"' in before
