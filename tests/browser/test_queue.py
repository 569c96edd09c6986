"""The approver at work: twenty decisions by keyboard alone, the sheet of keys, somebody faster, no script at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(300)]
SignIn = Callable[..., Person]
SECRETS = (12, 14, 15, 17, 18, 21, 22, 25, 26, 29, 31, 35, 56, 61)
DECISIONS = 20


@pytest.fixture
def waiting(segura: Control, sign_in: SignIn) -> list[int]:
    """Twenty changes, every fifth of high risk. Every third, which shares its secret, is for rejection."""
    requester = sign_in("requester")
    return [
        requester.propose(SECRETS[number - (number + 1) // 3], **{field_of(number): f"https://queue-{number}.example"})
        for number in range(DECISIONS)
    ]


def field_of(number: int) -> str:
    return "notes" if number % 5 else "url"


def test_twenty_changes_are_decided_by_keyboard_alone(waiting: list[int], segura: Control, sign_in: SignIn) -> None:
    approver = sign_in("approver")
    page = approver.go(f"/queue/?open={waiting[0]}")  # as the notice of it leads there
    for number, change in enumerate(waiting):
        rejected = number % 3 == 2  # its secret has changed meanwhile, by the change before it
        expect(page.locator(f"#{'reject' if rejected else 'approve'}-{change}")).to_be_visible()
        if rejected:
            page.keyboard.press("r")
            sheet = page.locator("#reject-sheet")
            expect(sheet.get_by_label("Comment", exact=True)).to_be_focused()
            page.keyboard.type("Not like this")
            approver.tab_to(sheet.get_by_role("button", name="Reject"))
            page.keyboard.press("Enter")
            said = f"You rejected CR-{change}"
        else:
            page.keyboard.press("a")
            if number % 5 == 0:
                expect(page.locator("#approve-sheet [name^=confirmed-]")).to_be_focused()
                page.keyboard.press("Space")
                page.keyboard.press("a")
            said = f"You approved CR-{change}"
        expect(page.locator("#messages")).to_contain_text(said)
    for change in waiting:
        expect(page.locator(f"#row-{change}")).to_have_count(0)
    for number, change in enumerate(waiting):
        approver.reread(change, "Rejected" if number % 3 == 2 else "Applied")
    sent = [(int(call["identifier"]), call["keys"]) for call in segura.arrivals("update")]
    approved = [number for number in range(DECISIONS) if number % 3 != 2]
    assert sorted(sent) == [(secret, [field_of(at)]) for secret, at in zip(SECRETS, approved, strict=True)]


def test_keys_go_through_the_list_and_can_be_switched_off(segura: Control, sign_in: SignIn) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    first, second = (requester.propose(29, tags=f"cloud, key {number}") for number in range(2))
    page = approver.go(f"/queue/?open={first}")
    assert page.title().startswith("(")
    page.keyboard.press("j")
    expect(page.locator(f"#approve-{second}")).to_be_visible()
    expect(page.locator(f"#row-{second}")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(f"#approve-{first}")).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_label(f"Select CR-{first}")).to_be_checked()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_label("Enable shortcuts").press("Space")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#queue-q")).not_to_be_focused()
    page.reload()
    page.keyboard.press("/")
    expect(page.locator("#queue-q")).not_to_be_focused()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Enable shortcuts").check()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#queue-q")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("o")
    page.wait_for_url("**/changes/*/")


def test_who_was_faster_is_named_and_new_ones_are_announced(segura: Control, sign_in: SignIn) -> None:
    requester, approver, colleague = sign_in("requester"), sign_in("approver"), sign_in("approver2")
    change = requester.propose(31, notes="for the faster one")
    page = approver.go(f"/queue/?open={change}")
    expect(page.locator(f"#approve-{change}")).to_be_visible()
    colleague.approve(change)
    requester.propose(31, notes="a new one")
    expect(page.locator(f"#taken-{change}")).to_have_text("Already approved by Abel Approver.", timeout=30_000)
    expect(page.locator(f"#approve-{change}")).to_have_count(0)
    expect(page.get_by_label(f"Select CR-{change}")).to_have_count(0)
    expect(page.locator("#announcement")).to_contain_text("Already approved by Abel Approver")
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("link", name="1 new change \N{EN DASH} Refresh").click()
    expect(page.locator(f"#row-{change}")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False])
def test_several_are_decided_at_once_and_high_risk_is_left(scripts: bool, segura: Control, sign_in: SignIn) -> None:
    requester, approver = sign_in("requester"), sign_in("approver", java_script_enabled=scripts)
    plain = requester.propose(35, notes=f"plain {scripts}")
    grave = requester.propose(29, url=f"http://grave-{scripts}.example".lower())
    page = approver.go("/queue/")
    for change in (plain, grave):
        page.get_by_label(f"Select CR-{change}").check()
    page.get_by_role("button", name="Approve selected").click()
    report = page.get_by_role("region", name="Results")
    expect(report).to_contain_text(f"CR-{plain} Approved.")
    expect(report).to_contain_text(f"CR-{grave} Skipped: high-risk")
    if scripts:
        assert findings(page) == []
    approve_at_high_risk(page, approver, grave)


def approve_at_high_risk(page: Page, approver: Person, change: int) -> None:
    page.goto(f"{approver.url}/changes/{change}/")
    page.locator(f"#approve-{change}").click()
    sheet = page.locator("#approve-sheet")
    sheet.get_by_role("button", name="Approve").click()
    expect(sheet.get_by_role("alert").first).to_contain_text("Nothing was done.")
    expect(sheet.get_by_role("alert").first).to_contain_text("Confirm that you understand what approving does.")
    sheet.locator("[name^=confirmed-]").check()
    sheet.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{change}")
    approver.complaints.clear()  # the refusal is a line in the console


def test_the_way_of_a_change_is_read_without_leaving_the_list(segura: Control, sign_in: SignIn) -> None:
    change = sign_in("requester").propose(31, notes="how it came here")
    page = sign_in("approver").go(f"/queue/?open={change}")
    page.locator(".panel summary", has_text="Activity").press("Enter")
    expect(page.locator(".panel .timeline")).to_contain_text("Proposed")
    expect(page.locator(".panel .timeline")).to_contain_text("Rita Requester")
    assert page.url.endswith(f"/queue/?open={change}")
    assert findings(page) == []


def test_filters_work_and_are_accessible(segura: Control, sign_in: SignIn) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    requester.propose(17, notes="low")
    grave = requester.propose(17, url="http://grave.example")
    page = approver.go("/queue/")
    page.locator("summary", has_text="Filters").click()
    page.get_by_label("Risk", exact=True).select_option("High")
    page.get_by_label("Field").select_option("URL")
    page.get_by_role("button", name="Filter").last.click()
    expect(page.locator(f"#row-{grave}")).to_be_visible()
    expect(page.locator('.level:not([data-level="HIGH"])')).to_have_count(0)
    assert findings(page) == []


def test_box_at_the_head_chooses_all_but_high_risk(segura: Control, sign_in: SignIn) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    plain = [requester.propose(25, notes=f"all at once {number}") for number in range(2)]
    grave = requester.propose(25, url="http://not-at-once.example")
    page = approver.go("/queue/")
    everything, told = page.get_by_label("Select all (except high risk)"), page.locator("#picked")
    box = {change: page.get_by_label(f"Select CR-{change}") for change in (*plain, grave)}
    common = page.locator("[name=picks]:not([data-alone])").count()
    everything.focus()
    page.keyboard.press("Space")
    expect(everything).to_be_checked()
    expect(told).to_have_text(f"{common} selected")
    for change in plain:
        expect(box[change]).to_be_checked()
    expect(box[grave]).not_to_be_checked()
    box[plain[0]].uncheck()
    expect(told).to_have_text(f"{common - 1} selected")
    assert everything.evaluate("(it) => it.indeterminate && !it.checked")
    page.keyboard.press("*")
    expect(told).to_have_text(f"{common} selected")
    page.keyboard.press("*")
    expect(told).to_have_text("")
    assert everything.evaluate("(it) => !it.indeterminate && !it.checked")
    box[plain[0]].check()
    expect(told).to_have_text("1 selected")
    page.locator(f"#row-{grave}").click()  # which makes the list anew
    expect(page.locator(f"#approve-{grave}")).to_be_visible()
    expect(box[plain[0]]).to_be_checked()
    expect(told).to_have_text("1 selected")
    assert everything.evaluate("(it) => it.indeterminate")
    assert findings(page) == []


def test_without_scripts_there_is_no_box_for_all(segura: Control, sign_in: SignIn) -> None:
    change = sign_in("requester").propose(25, notes="no script")
    page = sign_in("approver", java_script_enabled=False).go("/queue/")
    expect(page.get_by_label(f"Select CR-{change}")).to_be_visible()
    expect(page.locator("#pick-all")).to_be_hidden()
