"""Deciding in the queue and on the page of a change: what is in sight at each width, and what the bar and sheets do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(300)]
SignIn = Callable[..., Person]
SECRETS = (12, 14, 15, 17, 18, 21, 22, 25, 26, 29, 31, 35, 56)
ABOVE_THE_BAR = """() => document.activeElement.getBoundingClientRect().bottom
    <= document.getElementById("decide").getBoundingClientRect().top"""
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture
def waiting(segura: Control, sign_in: SignIn) -> list[int]:
    """Thirteen changes of low risk."""
    requester = sign_in("requester")
    return [requester.propose(secret, notes=f"for the queue {secret}") for secret in SECRETS]


def box_of(element: Locator) -> dict[str, float]:
    box = element.bounding_box()
    assert box is not None
    return dict(box)


def whole_rows(page: Page) -> int:
    """Number of rows that are in the viewport as a whole."""
    height = page.viewport_size["height"] if page.viewport_size else 0
    boxes = [box_of(row) for row in page.locator(".queue-rows tbody tr").all()]
    return sum(1 for box in boxes if box["y"] >= 0 and box["y"] + box["height"] <= height)


def is_inside(page: Page, element: Locator) -> bool:
    size, box = page.viewport_size, box_of(element)
    assert size is not None
    return (
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= size["width"]
        and (box["y"] + box["height"] <= size["height"] + 1)
    )


def test_queue_shows_its_rows_and_its_panel_at_each_width_q1_q2_q3_q4_q5(waiting: list[int], sign_in: SignIn) -> None:
    page = sign_in("approver").go("/queue/")
    page.set_viewport_size({"width": 1440, "height": 900})
    assert whole_rows(page) >= 12
    assert box_of(page.locator(".panel"))["width"] >= 540
    tops = {round(box_of(page.locator(f"#decide [id^={name}-]"))["y"]) for name in ("approve", "request", "reject")}
    assert len(tops) == 1
    bar = page.locator("#bulk")
    expect(bar).to_be_hidden()
    for change in waiting[3:5]:
        page.get_by_label(f"Select CR-{change}", exact=True).check()
    expect(page.locator("#picked")).to_have_text("2 selected")
    assert is_inside(page, bar)
    page.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()
    assert findings(page) == []
    page.set_viewport_size({"width": 1024, "height": 768})
    page.locator(f"#row-{waiting[1]}").click()
    expect(page.locator(f"#approve-{waiting[1]}")).to_be_visible()
    expect(page.locator(f"#row-{waiting[0]}")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert whole_rows(page) >= 5


def test_approve_is_in_sight_on_a_phone_and_high_risk_takes_two_taps_and_a_tick_c1_b2(
    segura: Control, sign_in: SignIn
) -> None:
    requester = sign_in("requester")
    low, high = requester.propose(61, notes="long " * 400), requester.propose(44, url="http://another-host.example")
    page = sign_in("approver", **PHONE).go(f"/changes/{low}/")
    expect(page.locator(f"#approve-{low}")).to_be_in_viewport(ratio=1)
    page.goto(page.url.replace(f"/{low}/", f"/{high}/"))
    review = page.locator(f"#approve-{high}")
    expect(review).to_be_in_viewport(ratio=1)
    expect(review).to_contain_text("Review")
    review.click()
    sheet = page.locator("#approve-sheet")
    expect(sheet.get_by_role("button", name="Cancel")).to_be_visible()
    expect(sheet.locator("[name^=confirmed-]")).to_be_in_viewport(ratio=1)
    expect(sheet.get_by_role("button", name="Approve")).to_be_in_viewport(ratio=1)
    sheet.locator("[name^=confirmed-]").check()
    sheet.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{high}")
    expect(page.get_by_role("link", name="Next", exact=True)).to_be_visible()
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.locator("#decide [id^=approve-]")).to_be_visible()


def test_bar_is_in_the_viewport_at_any_width_and_scroll_position_b1_b3_b4(segura: Control, sign_in: SignIn) -> None:
    change = sign_in("requester").propose(61, notes="\n".join(f"line {number}" for number in range(80)))
    page = sign_in("approver").go(f"/changes/{change}/")
    for width in (390, 1024, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 844})
        for place in ("0", "document.body.scrollHeight / 2", "document.body.scrollHeight"):
            page.evaluate(f"window.scrollTo(0, {place})")
            assert is_inside(page, page.locator(f"#approve-{change}")), (width, place)
    for width, height in ((1024, 768), (1440, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(page.url.split("/changes/")[0].split("/queue/")[0] + f"/queue/?open={change}")
        assert is_inside(page, page.locator(f"#approve-{change}")), width
    page.goto(page.url.split("/queue/")[0] + f"/changes/{change}/")
    page.set_viewport_size({"width": 1440, "height": 844})
    last = page.locator("#history summary")
    page.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })")
    last.focus()
    page.wait_for_function(ABOVE_THE_BAR)  # focused elements scroll into view smoothly
    page.locator(f"#reject-{change}").click()
    comment = page.locator("#reject-sheet textarea")
    expect(comment).to_be_focused()
    page.keyboard.type("Not yet")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#reject-sheet")).to_be_visible()
    assert findings(page) == []


def test_keys_decide_on_the_page_of_a_change_c6_c9(segura: Control, sign_in: SignIn) -> None:
    requester = sign_in("requester")
    first, second = (requester.propose(44, tags=f"page keys {number}") for number in range(2))
    page = sign_in("approver").go(f"/changes/{first}/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.locator("#request-sheet")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.locator("#reject-sheet textarea")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{first}")
    page.goto(page.url.split("/changes/")[0] + f"/changes/{second}/")
    page.keyboard.press("j")
    expect(page.locator("h1")).not_to_contain_text(f"CR-{second} ")


def test_vote_of_a_colleague_moves_the_focus_and_keeps_the_comment_q11(segura: Control, sign_in: SignIn) -> None:
    requester, colleague = sign_in("requester"), sign_in("approver2")
    first, second = (requester.propose(secret, notes="taken away") for secret in (31, 44))
    page = sign_in("approver").go(f"/queue/?open={first}")
    page.locator(f"#reject-{first}").click()
    page.locator("#reject-sheet textarea").fill("My comment")
    colleague.approve(first)
    expect(page.locator("#decide .decision-gone")).to_be_attached(timeout=30_000)
    expect(page.locator("#reject-sheet textarea")).to_have_value("My comment")
    page.keyboard.press("Escape")
    page = sign_in("approver").go(f"/queue/?open={second}")
    colleague.approve(second)
    expect(page.locator("#decide .decision-gone")).to_be_visible(timeout=30_000)


def test_every_decision_works_from_the_page_without_javascript_c10(segura: Control, sign_in: SignIn) -> None:
    requester = sign_in("requester")
    changes = [requester.propose(29, notes=f"no script {number}") for number in range(3)]
    page = sign_in("approver", java_script_enabled=False).go(f"/changes/{changes[0]}/")
    page.locator(f"#approve-{changes[0]}").click()
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{changes[0]}")
    for change, name, said in (
        (changes[1], "request", "You requested changes"),
        (changes[2], "reject", "You rejected"),
    ):
        page.goto(page.url.split("/changes/")[0] + f"/changes/{change}/")
        page.locator(f"#{name}-{change}").click()
        sheet = page.locator(f"#{name}-sheet")
        sheet.locator("textarea").fill("Because of the audit")
        sheet.locator(".sheet-acts [type=submit]").click()
        expect(page.locator("#messages")).to_contain_text(said)
