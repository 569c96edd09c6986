"""Deciding long after signing in: the password is asked for in place, what was typed stays, Enter decides nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.xdist_group("portal"),
    pytest.mark.shows("W07"),
]
SignIn = Callable[..., Person]
AGE = """
from django.contrib.sessions.models import Session
from django.contrib.sessions.backends.db import SessionStore
for row in Session.objects.all():
    session = SessionStore(row.session_key)
    records = session.get("account_authentication_methods", [])
    session["account_authentication_methods"] = [{**record, "at": record["at"] - 301} for record in records]
    session.save()
"""
TYPED = "I have compared each field"


@pytest.fixture
def pass_five_minutes(portal: Portal) -> Callable[[], str]:
    """As if everybody had signed in 301 seconds earlier than they did."""
    return lambda: portal.manage("shell", "-c", AGE)


@pytest.mark.parametrize("scripts", [True, False])
def test_page_that_was_open_for_longer_asks_in_place(
    scripts: bool, sign_in: SignIn, segura: Control, pass_five_minutes: Callable[[], str]
) -> None:
    change = sign_in("requester").propose(29 if scripts else 31, notes=f"decided late {scripts}")
    approver = sign_in("approver", java_script_enabled=scripts)
    page = approver.go(f"/changes/{change}/")
    expect(page.locator("[name=password]")).to_have_count(0)
    sheet = page.locator("#approve-sheet")
    page.get_by_role("link", name="Approve with a comment").click()
    sheet.locator("summary", has_text="Add a comment").click()
    comment, password = sheet.get_by_label("Comment", exact=True), sheet.get_by_label("Your password")
    approve, alert = sheet.get_by_role("button", name="Approve"), sheet.get_by_role("alert")
    comment.fill(TYPED)
    pass_five_minutes()
    approve.click()
    expect(comment).to_have_value(TYPED)
    expect(alert).to_contain_text("Enter your password")
    password.fill("a wrong one")
    approve.click()
    expect(alert).to_contain_text("Incorrect password")
    expect(password).to_have_value("")
    password.fill(approver.password)
    approve.click()
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{change}")
    expect(page.locator("#steps").get_by_text(TYPED)).to_be_visible()
    approver.complaints.clear()  # each refusal is a line in the console


def test_queue_asks_in_its_panel_and_enter_is_neither_verdict(
    sign_in: SignIn, segura: Control, browser: Browser, pass_five_minutes: Callable[[], str]
) -> None:
    change = sign_in("requester").propose(26, notes="decided late in the queue")
    approver = sign_in("approver")
    pass_five_minutes()
    page = approver.go(f"/queue/?open={change}")
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(f"#approve-{change}").click()
    sheet = page.locator("#approve-sheet")
    sheet.locator("summary", has_text="Add a comment").click()
    comment, password = sheet.get_by_label("Comment", exact=True), sheet.get_by_label("Your password")
    comment.fill(TYPED)
    password.fill(approver.password)
    password.press("Enter")
    comment.press("Control+Enter")
    expect(sheet).to_be_visible()
    password.fill("a wrong one")
    sheet.get_by_role("button", name="Approve").click()
    expect(sheet.get_by_role("alert")).to_contain_text("Incorrect password")
    expect(comment).to_have_value(TYPED)
    password.fill(approver.password)
    sheet.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{change}")
    approver.complaints.clear()
    approver.expect_status(change, "Applied")


def test_moved_change_is_taken_up_again_side_by_side(sign_in: SignIn, segura: Control) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    change = requester.propose(44, url="https://mine.example", notes="Mine")
    # Compared for the approver now, and not again for a minute: the edit is found when the change is to be sent.
    expect(approver.go(f"/changes/{change}/").get_by_text("Matches Segura")).to_be_visible()
    segura.edit(44, url="https://theirs.example", notes="Theirs")
    approver.approve(change)
    requester.expect_status(change, "Out of date")
    requester.page.get_by_role("link", name="Revise").click()
    page = requester.page
    expect(page.get_by_role("group", name="URL")).to_contain_text("https://theirs.example")
    expect(page.locator("[name=url]")).to_be_hidden()
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("group", name="URL").get_by_label("Edit", exact=True).check()
    page.locator("[name=url]").fill("https://both.example")
    page.get_by_role("group", name="Notes").get_by_label("Use Segura's value").check()
    requester.preview()
    assert requester.submit() == change
    approver.approve(change)
    approver.expect_status(change, "Applied")
    assert [call["keys"] for call in segura.arrivals("update") if call["identifier"] == "44"] == [["url"]]
