"""The portal out of reach while a page is open: it is said, nothing typed is lost, and it goes on by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(300)]
SignIn = Callable[..., Person]
LONG_AGO_MS = 5500
"""So long after its last word the portal is asked whether it is there, before a form is let go."""
GONE, BACK = "Countersign cannot be reached", "Countersign responds again"


def told(page: Page, sentence: str) -> None:
    expect(page.locator("#lost[role=alert]")).to_contain_text(sentence, timeout=40_000)


def test_a_restart_under_an_open_form_costs_nothing_that_was_typed(
    segura: Control, portal: Portal, sign_in: SignIn
) -> None:
    requester = sign_in("requester")
    page = requester.go("/secrets/31/propose/")
    page.locator("[name=notes]").fill("typed before the restart")
    page.get_by_label("Reason").fill("Kept over a restart")
    page.wait_for_timeout(LONG_AGO_MS)
    stopped = portal.kill("web")
    page.get_by_role("button", name="Review changes").last.click()
    told(page, GONE)
    told(page, "Nothing was sent")
    expect(page.locator("[name=notes]")).to_have_value("typed before the restart")
    assert findings(page) == []
    portal.wait_restarted("web", stopped)
    told(page, BACK)
    requester.preview()
    expect(page.locator("main")).to_contain_text("typed before the restart")
    requester.complaints.clear()  # a refused connection is a line in the console


def test_a_page_that_asks_by_itself_says_that_it_is_offline_and_when_it_is_over(
    segura: Control, sign_in: SignIn
) -> None:
    requester = sign_in("requester")
    requester.propose(31, notes="watched while offline")
    page = requester.page
    requester.context.set_offline(True)
    told(page, GONE)
    requester.context.set_offline(False)
    told(page, BACK)
    expect(page.locator("#lost .notice")).to_have_count(0, timeout=20_000)
    requester.complaints.clear()


def test_a_vote_that_finds_nobody_is_said_and_can_be_given_again(segura: Control, sign_in: SignIn) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    change = requester.propose(31, notes="voted on while offline")
    page = approver.go(f"/queue/?open={change}")
    sheet = page.locator("#approve-sheet")
    page.get_by_role("link", name="Approve with a comment").click()
    sheet.locator("summary", has_text="Add a comment").click()
    comment, approve = sheet.get_by_label("Comment", exact=True), sheet.get_by_role("button", name="Approve")
    comment.fill("Looks right to me")
    approver.context.set_offline(True)
    approve.click()
    told(page, "Your last step may or may not have gone through")
    expect(comment).to_have_value("Looks right to me")
    approver.context.set_offline(False)
    told(page, BACK)
    approve.click()
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{change}")
    approver.complaints.clear()
