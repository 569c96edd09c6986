"""Notifications in Chromium: one entry per change, read by opening it, and small on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]
PHONE = {"width": 390, "height": 844}
ENTRY_PX = 88


def applied(requester: Person, approver: Person, secret: int, **fields: str) -> int:
    """A change that was approved and applied, and whose notification has arrived."""
    change = requester.propose(secret, **fields)
    requester.go("/help/")
    approver.approve(change)
    page = requester.page
    entry = page.locator(".notices > li", has_text=re.compile(rf"CR-{change}\b"))
    for _ in range(80):
        requester.go("/notifications/")
        if entry.filter(has_text="Applied").count():
            break
        page.wait_for_timeout(250)
    return change


def test_approve_and_apply_show_one_entry_whose_count_the_opened_change_clears_n1_n2(
    sign_in: Callable[..., Person],
) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    requester.go("/notifications/")
    mark_all = requester.page.get_by_role("button", name="Mark all as read")
    if mark_all.count():
        mark_all.click()
    change = applied(requester, approver, 35, tags="one entry")
    page = requester.page
    entry = page.locator(".notices > li", has_text=re.compile(rf"CR-{change}\b"))
    expect(entry).to_have_count(1)
    expect(entry.locator(".notice-state")).to_contain_text("Applied, approved by")
    entry.locator(".notice-earlier > summary").click()
    expect(entry.locator(".notice-earlier li")).to_contain_text(["waiting to be sent"])
    expect(page.locator(".top .unread")).to_have_text(re.compile(r"\b1 unread"))
    entry.get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("Tags")
    expect(page.locator(".top .unread")).to_have_text("", timeout=5000)
    requester.go("/notifications/")
    expect(entry).not_to_have_class(re.compile("fresh"))


def test_entry_is_low_on_a_phone_and_its_menu_is_in_sight_n3(sign_in: Callable[..., Person]) -> None:
    requester = sign_in("requester", viewport=PHONE, has_touch=True, is_mobile=True)
    approver = sign_in("approver")
    applied(requester, approver, 44, tags="long enough to fill, the two lines, of a phone, and more")
    heights = requester.page.locator(".notices > li").evaluate_all("all => all.map(li => li.offsetHeight)")
    assert heights
    assert max(heights) <= ENTRY_PX
    menu = requester.page.locator(".fresh .notice-menu > summary").first
    expect(menu).to_have_css("opacity", "1")
    assert requester.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_row_menu_shows_itself_to_the_keyboard_and_marks_as_read(sign_in: Callable[..., Person]) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    change = applied(requester, approver, 25, tags="by keyboard")
    page = requester.page
    entry = page.locator(".notices > li", has_text=re.compile(rf"CR-{change}\b"))
    menu = entry.locator(".notice-menu > summary")
    page.mouse.move(0, 0)
    expect(menu).to_have_css("opacity", "0")
    entry.get_by_role("link").focus()
    expect(menu).to_have_css("opacity", "1")
    requester.tab_to(menu)
    page.keyboard.press("Enter")
    requester.tab_to(entry.get_by_role("button", name="Mark as read"))
    page.keyboard.press("Enter")
    expect(entry).not_to_have_class(re.compile("fresh"))
