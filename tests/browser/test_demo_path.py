"""The first two minutes of the demo: from the sign-in page to the evidence, without a typed password."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.devserver.page_client import PageClient
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes]


class CountingVisitor:
    """A visitor who only clicks; `clicks` counts how often."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.locator(selector).filter(visible=True).first.click()


def propose_high_risk(url: str) -> int:
    """A change of high risk, proposed as the history of the demo does it."""
    client = PageClient(url)
    client.sign_in("requester")
    path = "/secrets/21/propose/"
    client.open_page(path)
    client.send_form(path, {"act": "preview", "reason": "A demo of the path", "url": "https://graph.example.net/v1.0"})
    client.send_form(path, {"act": "confirm"})
    return int(client.path.strip("/").split("/")[1])


def test_queue_approval_applied_and_evidence_take_twelve_clicks_and_no_password_m3(
    portal: Portal, browser: Browser
) -> None:
    change = propose_high_risk(portal.url)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    visitor = CountingVisitor(context.new_page())
    page = visitor.page
    page.goto(portal.url)
    visitor.click("button[name=account][value=approver]")
    opened = page.locator(f"tr[aria-current] #row-{change}")
    if not opened.count():  # the queue comes with its first change open
        visitor.click(f"#row-{change}")
    expect(opened).to_be_visible()
    visitor.click(f"#approve-{change}")
    visitor.click("#approve-sheet input[type=checkbox][name^=confirmed]")
    visitor.click("#approve-sheet button[type=submit]")
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{change}")
    page.goto(f"{portal.url}/changes/{change}/")
    expect(page.locator("main")).to_contain_text("Applied")
    visitor.click("summary[aria-label^='Account of']")
    visitor.click("button[name=account][value=auditor]")
    expect(page).to_have_url(f"{portal.url}/audit/overview/")
    page.goto(f"{portal.url}/audit/changes/{change}/")
    with page.expect_download() as download:
        visitor.click("a[href*='evidence'], button[formaction*='evidence']")
    assert download.value.suggested_filename.endswith(".zip")
    assert page.locator("input[type=password]:visible").count() == 0
    assert visitor.clicks <= 12
    context.close()


def test_pause_takes_a_click_a_reason_and_a_second_click_in_the_sheet_op3(
    portal: Portal, sign_in: Callable[..., Person]
) -> None:
    page = sign_in("admin").go("/operations/")
    sheet = page.locator("#pause-delivery")
    expect(sheet).to_be_hidden()
    page.locator("a[href='#pause-delivery']").click()
    expect(sheet).to_be_visible()
    page.locator("#pause-delivery textarea").fill("Upgrade of Segura")
    page.locator("#pause-delivery button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("paused delivery")
    page.locator("a[href='#resume-delivery']").click()
    page.locator("#resume-delivery button[type=submit]").click()
    expect(page.locator("a[href='#pause-delivery']")).to_be_visible()
