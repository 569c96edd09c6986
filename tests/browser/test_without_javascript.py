"""The core acts in a browser that runs no script: what htmx shortens works in full pages too."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.sandbox import Control
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]

NEW_VALUE = "n3w-Value-without-a-script"


@pytest.fixture
def plain(sign_in: Callable[..., Person]) -> Callable[[str], Person]:
    """`plain("approver")`: that person, with scripts switched off."""
    return lambda name: sign_in(name, java_script_enabled=False)


def test_a_change_is_proposed_approved_and_applied(segura: Control, plain: Callable[[str], Person]) -> None:
    requester, approver = plain("requester"), plain("approver")
    page = requester.go("/secrets/")
    page.get_by_label("Name, identifier, tag, URL or person").fill("dwh")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="dwh-export").click()
    page.get_by_role("link", name="Propose a change").click()
    page.get_by_label("URL").fill("https://dwh.example/v2")
    page.get_by_label("Enter a new value").check()
    page.locator("[name=client_secret]").fill(NEW_VALUE)
    page.get_by_role("button", name="Add rows").first.click()
    expect(page.locator("[name^=users_allowed-][name$=-name][type=text]")).to_have_count(4)
    page.get_by_label("Reason").fill("The address has moved")
    requester.preview()
    expect(page.locator(".diff")).to_contain_text("https://dwh.example/v2")
    change = requester.submit()

    page = approver.go(f"/queue/?q=CR-{change}")
    page.locator(f"#row-{change}").click()
    page.locator(f"#approve-{change}").click()
    page.locator("#approve-sheet [name^=confirmed-]").check()
    page.locator("#approve-sheet").get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{change}")

    requester.reread(change, "Applied")
    assert [call["keys"] for call in segura.arrivals("update")] == [["client_secret", "url"]]


def test_what_was_typed_survives_a_missing_reason(segura: Control, plain: Callable[[str], Person]) -> None:
    requester = plain("requester")
    page = requester.go("/secrets/22/propose/")
    page.get_by_label("Tags").fill("crm, kept")
    page.get_by_label("Enter a new value").check()
    page.locator("[name=client_secret]").fill(NEW_VALUE)
    page.get_by_role("button", name="Review changes").last.click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("Enter a reason")
    expect(page.get_by_label("Tags")).to_have_value("crm, kept")
    assert NEW_VALUE not in page.content()
    page.get_by_label("Reason").fill("Here it is")
    requester.preview()
    expect(page.locator(".diff")).to_contain_text("New value set, not shown")
    requester.complaints.remove(refused(page.url))
    assert segura.arrivals("update") == []


def test_a_rejection_asks_for_its_reason_and_a_change_is_withdrawn(plain: Callable[[str], Person]) -> None:
    requester, approver = plain("requester"), plain("approver")
    change, other = requester.propose(25, tags="pix, rejected"), requester.propose(25, tags="pix, withdrawn")
    page = approver.go(f"/changes/{change}/")
    sheet = page.locator("#reject-sheet")
    page.locator(f"#reject-{change}").click()
    sheet.get_by_role("button", name="Reject").click()
    expect(sheet.get_by_role("alert")).to_contain_text("Add a reason")
    approver.complaints.remove(refused(f"{approver.url}/changes/{change}/reject/"))
    sheet.get_by_label("Comment", exact=True).fill("Not before the audit")
    sheet.get_by_role("button", name="Reject").click()
    expect(page.locator("#messages")).to_contain_text(f"You rejected CR-{change}")
    expect(requester.go(f"/changes/{change}/").locator("#status")).to_contain_text("Not before the audit")

    page = requester.go(f"/changes/{other}/")
    page.locator("#withdraw").click()
    page.locator("#withdraw-sheet [type=submit]").click()
    expect(page.locator("#status .badge-status").first).to_have_text("Withdrawn")


def test_changes_are_decided_by_tab_enter_and_space_alone(segura: Control, plain: Callable[[str], Person]) -> None:
    requester, approver = plain("requester"), plain("approver")
    small, grave = requester.propose(31, tags="jira, tabbed"), requester.propose(35, url="https://tabbed.example")
    unwanted = requester.propose(31, notes="Tabbed away")
    page = approver.page

    def go_on_to(change: int) -> None:
        approver.go(f"/queue/?q=CR-{change}")
        approver.tab_to(page.locator(f"#row-{change}"))
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/changes/{change}/*")

    go_on_to(small)
    approver.tab_to(page.locator(f"#approve-{small}"))
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{small}")
    go_on_to(grave)
    approver.tab_to(page.locator(f"#approve-{grave}"))
    page.keyboard.press("Enter")
    approver.tab_to(page.locator("#approve-sheet [name^=confirmed-]"))
    page.keyboard.press("Space")
    approver.tab_to(page.locator("#approve-sheet").get_by_role("button", name="Approve"))
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{grave}")
    go_on_to(unwanted)
    approver.tab_to(page.locator(f"#reject-{unwanted}"))
    page.keyboard.press("Enter")
    approver.tab_to(page.locator("#reject-sheet").get_by_label("Comment", exact=True))
    page.keyboard.type("Not like this")
    approver.tab_to(page.locator("#reject-sheet").get_by_role("button", name="Reject"))
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text(f"You rejected CR-{unwanted}")
    for change in (small, grave):
        requester.reread(change, "Applied")
    assert sorted(call["keys"] for call in segura.arrivals("update")) == [["tags"], ["url"]]


def test_the_log_is_filtered_and_exported(plain: Callable[[str], Person]) -> None:
    change = plain("requester").propose(29, tags="cloud, logged")
    page = plain("auditor").go("/audit/")
    page.locator(".fold > summary").click()
    page.get_by_label("Change", exact=True).fill(f"CR-{change}")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("table tbody tr")).to_have_count(1)
    expect(page.locator("table")).to_contain_text("Change submitted")
    with page.expect_download() as csv_file:
        page.get_by_role("link", name="CSV").click()
    with page.expect_download() as jsonl_file:
        page.get_by_role("link", name="JSON Lines").click()
    with csv_file.value.path().open(newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file))) == 1 + 1
    events = [json.loads(line) for line in jsonl_file.value.path().read_text(encoding="utf-8").splitlines()]
    assert [event["action"] for event in events] == ["change.submitted"]


def refused(url: str) -> str:
    """What the console says of a page that came with 422."""
    return f"{url}: Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"
