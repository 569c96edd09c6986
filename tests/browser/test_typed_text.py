"""Text that somebody is typing is not lost: not when another decides first, the session ends, or the page is left."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]
TYPED = "I have compared each field, and now"
SECRET = 31


def sign_in_again(person: Person) -> None:
    """In another tab of the same browser."""
    tab = person.context.new_page()
    tab.goto(f"{person.url}/accounts/login/")
    tab.locator("[name=login]").fill(person.name)
    tab.locator("[name=password]").fill(person.password)
    tab.locator("main form:has([name=login]) button[type=submit]").click()
    expect(tab.locator("body.framed")).to_be_attached()
    tab.close()


@pytest.mark.parametrize("path", ["/queue/?open={change}", "/changes/{change}/"])
def test_comment_is_kept_and_the_focus_moves_to_the_notice_when_another_approver_decides(
    path: str, segura: Control, sign_in: SignIn
) -> None:
    change = sign_in("requester").propose(SECRET, notes=f"decided by another {len(path)}")
    approver, other = sign_in("approver"), sign_in("approver2")
    page = approver.go(path.format(change=change))
    page.locator(f"#reject-{change}").click()
    comment = page.locator("#reject-sheet [name^=reason-]")
    comment.focus()
    comment.fill(TYPED)
    sheet = other.go(f"/changes/{change}/").locator("#reject-sheet")
    other.page.locator(f"#reject-{change}").click()
    sheet.locator("[name^=reason-]").fill("No")
    sheet.get_by_role("button", name="Reject").click()
    expect(page.locator("#decide [id^=reject-]")).to_have_count(0, timeout=40_000)
    expect(comment).to_have_value(TYPED)
    expect(comment).to_be_focused()
    assert findings(page) == []


def test_page_that_asks_by_itself_keeps_the_text_when_the_session_ends(segura: Control, sign_in: SignIn) -> None:
    change = sign_in("requester").propose(SECRET, notes="the session ends")
    approver = sign_in("approver")
    page = approver.go(f"/changes/{change}/")
    page.locator(f"#reject-{change}").click()
    sheet = page.locator("#reject-sheet")
    comment, reject = sheet.locator("[name^=reason-]"), sheet.get_by_role("button", name="Reject")
    comment.fill(TYPED)
    approver.context.clear_cookies()
    expect(page.locator("#lost")).to_contain_text("You are signed out", timeout=40_000)
    expect(comment).to_have_value(TYPED)
    sign_in_again(approver)
    reject.click()
    expect(sheet.get_by_role("alert").first).to_contain_text("Nothing was done")
    expect(comment).to_have_value(TYPED)
    reject.click()
    expect(page.locator("#messages")).to_contain_text(f"You rejected CR-{change}")
    approver.complaints.clear()  # each refusal is a line in the console


def test_comment_sent_after_the_session_has_ended_is_kept_and_can_be_sent_again(
    segura: Control, sign_in: SignIn
) -> None:
    requester = sign_in("requester")
    change = requester.propose(SECRET, notes="asked about by a signed-out user")
    page = requester.go(f"/changes/{change}/")
    page.locator("#say [name=text]").fill(TYPED)
    requester.context.clear_cookies()
    page.locator("#say button").click()
    expect(page.locator("main")).to_contain_text("You are signed out")
    expect(page.locator("#say [name=text]")).to_have_value(TYPED)
    sign_in_again(requester)
    page.locator("#say button").click()
    expect(page.locator("#say")).to_contain_text("Nothing was done")
    page.locator("#say button").click()
    expect(page.locator(".thread-words")).to_contain_text(TYPED)
    requester.complaints.clear()


@pytest.mark.parametrize("scripts", [True, False])
def test_preview_after_the_session_has_ended_opens_the_form_with_its_text(
    scripts: bool, segura: Control, sign_in: SignIn
) -> None:
    requester = sign_in("requester", java_script_enabled=scripts)
    page = requester.go(f"/secrets/{SECRET}/propose/")
    page.locator("[name=notes]").fill("typed before the session ended")
    page.get_by_label("Reason").fill(TYPED)
    requester.context.clear_cookies()
    page.get_by_role("button", name="Review changes").last.click()
    expect(page.locator("body")).to_contain_text("You are signed out")
    page.locator("[name=login]").fill(requester.name)
    page.locator("[name=password]").fill(requester.password)
    page.locator("main form:has([name=login]) button[type=submit]").click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("Nothing was done")
    expect(page.locator("[name=notes]")).to_have_value("typed before the session ended")
    expect(page.get_by_label("Reason")).to_have_value(TYPED)
    requester.preview()
    requester.complaints.clear()


def test_proposal_form_that_was_left_by_a_link_has_its_text_after_back(segura: Control, sign_in: SignIn) -> None:
    requester = sign_in("requester")
    page = requester.go(f"/secrets/{SECRET}/propose/")
    page.locator("[name=notes]").fill("typed, then left")
    page.get_by_label("Reason").fill(TYPED)
    page.get_by_label("Enter a new value").check()
    page.locator("[name=client_secret]").fill("cAnArY-typed")
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url(f"**/secrets/{SECRET}/")
    page.go_back()
    expect(page.locator("[name=notes]")).to_have_value("typed, then left")
    expect(page.get_by_label("Reason")).to_have_value(TYPED)
    expect(page.locator("[name=client_secret]")).to_have_value("")


def test_form_that_is_too_large_is_not_sent_and_keeps_its_text(segura: Control, sign_in: SignIn) -> None:
    requester = sign_in("requester")
    page = requester.go(f"/secrets/{SECRET}/propose/")
    page.get_by_label("Reason").fill(TYPED)
    page.locator("[name=notes]").evaluate("area => { area.value = 'x'.repeat(2_200_000) }")
    page.get_by_role("button", name="Review changes").last.click()
    expect(page.locator("#lost")).to_contain_text("The form is too large")
    expect(page.get_by_label("Reason")).to_have_value(TYPED)
    page.locator("[name=notes]").fill("short again")
    assert findings(page) == []  # after the long text: it is checked letter by letter
    page.get_by_role("button", name="Review changes").last.click()
    expect(page.locator("main")).to_contain_text("short again")
    expect(page.locator("[data-too-large]")).to_have_count(0)
    requester.complaints.clear()  # the live preview of a slow machine sends the long text, and is refused


def test_form_that_was_too_large_without_scripts_has_its_text_after_back(segura: Control, sign_in: SignIn) -> None:
    requester = sign_in("requester")
    change = requester.propose(SECRET, notes="talked about at length")
    reader = sign_in("approver", java_script_enabled=False)
    page = reader.go(f"/changes/{change}/")
    page.locator("#say [name=text]").evaluate("area => { area.removeAttribute('maxlength') }")
    page.locator("#say [name=text]").fill("y" * 2_200_000)
    page.locator("#say button").click()
    expect(page.locator("body")).to_contain_text("Too much at once")
    page.go_back()
    assert len(page.locator("#say [name=text]").input_value()) == 2_200_000
    reader.complaints.clear()
