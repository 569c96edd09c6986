"""What a browser restores by itself (Back, reload, a second tab) decides nothing about another revision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]
TYPED = "I compared revision 1 field by field"


def revise(requester: Person, change: int, **fields: str) -> None:
    page = requester.go(f"/changes/{change}/revise/")
    for name, text in fields.items():
        page.locator(f"[name={name}]").fill(text)
    page.get_by_label("Reason").fill("Another host after all")
    requester.preview()
    requester.submit()


def fill_in(page: Page) -> None:
    page.locator("#decide [id^=approve-]").click()
    sheet = page.locator("#approve-sheet")
    sheet.locator("[name^=confirmed-]").check()
    sheet.locator("summary", has_text="Add a comment").click()
    sheet.get_by_label("Comment", exact=True).fill(TYPED)


def expect_untouched(page: Page, change: int, host: str) -> None:
    expect(page.locator("main")).to_contain_text(host)
    sheet = page.locator("#approve-sheet")
    expect(sheet.locator("[name^=reason-]")).to_have_value("")
    expect(sheet.locator("[name^=confirmed-]")).not_to_be_checked()
    page.locator(f"#approve-{change}").click()
    sheet.get_by_role("button", name="Approve").click()
    expect(sheet.get_by_role("alert").first).to_be_visible()
    expect(page.locator(f"#approve-{change}")).to_be_attached()


@pytest.mark.parametrize("path", ["/changes/{change}/", "/queue/?open={change}"])
@pytest.mark.parametrize("way", ["back", "reload", "address", "duplicate"])
def test_approver_who_comes_back_to_a_revised_change_has_confirmed_and_said_nothing_c7(
    way: str, path: str, segura: Control, sign_in: SignIn
) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    change = requester.propose(31, url=f"https://first-{way}.example/v1")
    path = path.format(change=change)
    page = approver.go(path)
    fill_in(page)
    if way in ("back", "duplicate"):
        approver.go("/changes/")
    revise(requester, change, url=f"https://second-{way}.example/v1")
    if way == "back":
        page.go_back()
    elif way == "reload":
        page.reload()
    elif way == "duplicate":  # a copied tab has the history of the first one
        page.evaluate("history.back()")
        page.wait_for_url(f"**{path}")
    else:
        approver.go(path)
    expect_untouched(page, change, f"second-{way}.example")
    approver.complaints.clear()  # a refused vote is a line in the console
    page = requester.go(f"/changes/{change}/")
    page.locator("#withdraw").click()
    page.locator("#withdraw-sheet [type=submit]").click()


def test_reason_for_several_changes_is_gone_after_back(segura: Control, sign_in: SignIn) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    change = requester.propose(31, notes="for the queue")
    page = approver.go("/queue/")
    page.locator(f"#pick-{change} [name=picks]").check()
    page.get_by_label("Comment for all selected").fill(TYPED)
    approver.go("/changes/")
    page.go_back()
    expect(page.get_by_label("Comment for all selected")).to_have_value("")
    expect(page.locator("[name=picks]:checked")).to_have_count(0)
