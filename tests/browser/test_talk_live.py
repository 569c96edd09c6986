"""Two people on the page of one change: what one says reaches the other, and what is being typed stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(300)]
SOON_MS = 30_000


def test_comments_and_the_decision_of_others_arrive_while_one_is_typing(
    segura: Control, sign_in: Callable[..., Person]
) -> None:
    requester, approver, colleague = sign_in("requester"), sign_in("approver"), sign_in("approver2")
    change = requester.propose(31, notes="talked about")
    page, other = approver.go(f"/changes/{change}/"), colleague.go(f"/changes/{change}/")
    page.locator("#say [name=text]").fill("Why is this needed?")
    page.get_by_role("button", name="Comment").click()
    expect(other.locator("#threads")).to_contain_text("Why is this needed?", timeout=SOON_MS)
    page.locator(".thread summary").click()
    page.locator(".thread [name=text]").fill("half a sentence")
    other.locator(".thread summary").click()
    other.locator(".thread [name=text]").fill("The old host goes away.")
    other.get_by_role("button", name="Answer").last.click()
    expect(page.locator(".thread .comment")).to_have_count(2, timeout=SOON_MS)
    expect(page.locator("#announcement")).to_contain_text("New comments of Abel Approver.")
    expect(page.locator(".thread [name=text]")).to_have_value("half a sentence")
    expect(other.locator(".thread .comment")).to_have_count(2)
    assert findings(page) == []
    colleague.approve(change)
    expect(page.get_by_role("button", name="Approve")).to_have_count(0, timeout=SOON_MS)
    expect(page.locator(".thread [name=text]")).to_have_value("half a sentence")


def test_resolved_comments_are_folded_and_the_focus_stays_with_them(
    segura: Control, sign_in: Callable[..., Person]
) -> None:
    change = sign_in("requester").propose(15, notes="talked about to the end")
    page = sign_in("approver").go(f"/changes/{change}/")
    page.locator("#say textarea").fill("Which queue reads this?")
    page.locator("#say").get_by_role("button", name="Comment").click()
    page.locator(".thread").get_by_role("button", name="Resolve").click()
    folded = page.locator(".thread-resolved > summary")
    expect(folded).to_contain_text("Resolved by")
    expect(folded).to_be_focused()
    expect(page.locator("#announcement")).to_contain_text("Comments resolved.")
    expect(page.locator(".thread .comment")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator(".thread .comment")).to_be_visible()
    assert findings(page) == []
    page.locator(".thread").get_by_role("button", name="Reopen").click()
    expect(page.locator(".thread").get_by_role("button", name="Resolve")).to_be_focused()
    expect(page.locator(".thread-resolved")).to_have_count(0)


def test_name_behind_an_at_sign_is_completed_with_the_keyboard(segura: Control, sign_in: Callable[..., Person]) -> None:
    change = sign_in("requester").propose(61, notes="somebody is asked")
    page = sign_in("approver").go(f"/changes/{change}/")
    text, rows = page.locator("#say textarea"), page.locator("#suggestions [role=option]")
    text.press_sequentially("Please ask @audi")
    expect(rows).to_have_text(["Aura Auditor auditor"])
    assert findings(page) == []
    text.press("ArrowDown")
    expect(text).to_have_attribute("aria-activedescendant", "suggestion-0")
    text.press("Enter")
    expect(text).to_have_value("Please ask @auditor ")
    expect(rows).to_be_hidden()
    text.press_sequentially("and a@audi")
    expect(rows).to_be_hidden()
    text.press_sequentially(" @req")
    expect(rows.first).to_be_visible()
    text.press("Escape")
    expect(rows.first).to_be_hidden()
