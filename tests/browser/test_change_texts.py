"""What users copy from the page of a change, whom a comment reaches, and the request beside the form of a revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.browser.test_decision_bar import box_of, is_inside
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]
Propose = Callable[..., int]
ASKED = "Keep the old host until Friday"


@pytest.fixture
def propose(sign_in: SignIn) -> Iterator[Propose]:
    """`propose(notes="…")`: a change of the requester's, withdrawn after the test so that no queue shows it."""
    changes = []

    def build(**fields: str) -> int:
        changes.append(sign_in("requester").propose(31, **fields))
        return changes[-1]

    yield build
    for change in changes:
        page = sign_in("requester").go(f"/changes/{change}/")
        page.locator("#withdraw").click()
        page.locator("#withdraw-sheet [type=submit]").click()
        expect(page.locator("#messages")).to_contain_text(f"You withdrew CR-{change}")


def copy_by(page: Page, name: str) -> str:
    page.get_by_role("button", name=name).click()
    expect(page.locator("#announcement")).to_have_text("Copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_copied_digest_and_link_equal_the_stored_ones_cl3(segura: Control, sign_in: SignIn, propose: Propose) -> None:
    requester = sign_in("requester", permissions=["clipboard-read", "clipboard-write"])
    change = propose(notes="to be copied")
    page = requester.go(f"/changes/{change}/")
    assert copy_by(page, "Copy number and link") == f"CR-{change} {requester.url}/changes/{change}/"
    page.locator("#history summary", has_text="Technical details").click()
    assert copy_by(page, "Copy digest") == page.locator("#history dd .mono").first.text_content()
    assert findings(page) == []


def test_comment_with_an_unknown_name_is_posted_with_a_note_c8(
    segura: Control, sign_in: SignIn, propose: Propose
) -> None:
    requester = sign_in("requester")
    change = propose(notes="to be discussed")
    page = requester.go(f"/changes/{change}/")
    page.locator("#say [name=text]").fill("Please look, @nobody")
    page.get_by_role("button", name="Comment").click()
    posted = page.locator("#threads .comment")
    expect(posted).to_contain_text("Please look, @nobody")
    expect(posted.get_by_role("status")).to_have_text("@nobody can't see this change and was not notified.")
    assert findings(page) == []


def test_request_for_changes_is_visible_beside_the_form_r1(segura: Control, sign_in: SignIn, propose: Propose) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    change = propose(notes="to be revised")
    page = approver.go(f"/changes/{change}/")
    page.locator(f"#request-{change}").click()
    page.locator("#request-sheet textarea").fill(ASKED)
    page.locator("#request-sheet .sheet-acts [type=submit]").click()
    expect(page.locator("#messages")).to_contain_text("You requested changes")
    page = requester.go(f"/changes/{change}/revise/")
    request, url = page.get_by_text(ASKED), page.locator("[name=url]")
    for width in (1440, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert is_inside(page, request)
        assert box_of(request)["x"] > box_of(url)["x"] + box_of(url)["width"]
        page.locator("[name=reason]").scroll_into_view_if_needed()
        assert is_inside(page, request), "it stays in sight while the form scrolls"
        page.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })")
    page.set_viewport_size({"width": 390, "height": 844})
    assert box_of(request)["y"] < box_of(url)["y"]
    assert findings(page) == []
