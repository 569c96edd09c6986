"""An auditor's day: numbers and their rows, the answer about one secret in a few clicks, filters, an export."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]

PAINTED = """() => [...document.querySelectorAll("canvas")].every((canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.some((value) => value > 0);
})"""

NEWEST_BAR = """() => {
  const chart = Chart.getChart(document.querySelector("#answers canvas"));
  const [carriedOut] = chart.getSortedVisibleDatasetMetas();
  const { x, y, base } = carriedOut.data.at(-1);
  return { x, y: (y + base) / 2 };
}"""

SECRET, IDENTIFIER = "twilio-sms", 26


def share(sign_in: Callable[..., Person], colleague: str) -> int:
    """A change that lets this colleague edit the secret: proposed, approved, applied."""
    requester, approver = sign_in("requester"), sign_in("approver")
    page = requester.go(f"/secrets/{IDENTIFIER}/propose/")
    row = page.locator("[name^=users_allowed-][name$=-name][type=text]").first
    row.fill(colleague)
    page.locator(f"[name={str(row.get_attribute('name')).replace('-name', '-access')}]").select_option("edit")
    page.get_by_label("Reason").fill("She looks after it from now on")
    requester.preview()
    change = requester.submit()
    approver.approve(change)
    approver.expect_status(change, "Applied")
    return change


class Clicks:
    """Counts what a hand does besides typing; to click into a field counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.number = 0

    def on(self, role: str, name: str) -> None:
        self.number += 1
        self.page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]


@pytest.mark.parametrize("scripts", [True, False])
def test_who_gave_whom_the_right_to_edit_and_what_segura_said_takes_under_six_clicks(
    scripts: bool, sign_in: Callable[..., Person]
) -> None:
    colleague = "rcosta" if scripts else "mferreira"
    change = share(sign_in, colleague)
    auditor = sign_in("auditor", java_script_enabled=scripts)
    page, clicks = auditor.page, Clicks(auditor.page)
    clicks.on("searchbox", "Secret, person or change")
    page.keyboard.type(SECRET)
    clicks.on("button", "Find")
    row = page.locator(".stories tr", has_text=f"CR-{change}")
    for words in ("requester", f"{colleague} gains the right to edit", "approver", "200"):
        expect(row).to_contain_text(words)
    expect(row.locator(".badge-status")).to_have_text("applied")
    clicks.on("link", f"CR-{change}")
    timeline = page.locator(".timeline")
    expect(timeline).to_contain_text("Api secret updated")
    for said, who in (("Change submitted", "requester"), ("Vote cast", "approver"), ("Change applied", "Countersign")):
        expect(timeline.locator("li", has_text=said)).to_contain_text(who)
    assert clicks.number < 6


def test_the_same_without_scripts(sign_in: Callable[..., Person]) -> None:
    change = share(sign_in, "jsilva")
    auditor = sign_in("auditor", java_script_enabled=False)
    page = auditor.go("/audit/overview/?days=7")
    expect(page.locator("canvas").first).to_be_hidden()
    expect(page.locator("#answers table")).to_be_visible()
    page.locator("#answers tfoot a").first.click()
    expect(page.locator("#list")).to_contain_text(f"CR-{change}")
    page.locator("summary", has_text="Save this filter").click()
    page.get_by_label("Name of the filter").fill("Answers of the week")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Answers of the week")).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Delete the filter Answers of the week").click()
    expect(page.get_by_role("link", name="Answers of the week")).to_have_count(0)


def test_charts_are_drawn_from_their_tables_and_a_bar_leads_to_its_rows(
    sign_in: Callable[..., Person],
) -> None:
    change = share(sign_in, "obrien")
    auditor = sign_in("auditor")
    page = auditor.go("/audit/overview/?days=7")
    page.wait_for_function(PAINTED)
    page.locator("#answers canvas").click(position=page.evaluate(NEWEST_BAR))
    page.wait_for_url("**/audit/?since=*")
    expect(page.locator("#list")).to_contain_text(f"CR-{change}")


def test_a_filter_is_saved_from_what_htmx_shows(sign_in: Callable[..., Person]) -> None:
    auditor = sign_in("auditor")
    page = auditor.go("/audit/")
    page.locator(".fold > summary").click()
    page.get_by_label("Kind of event").select_option("session.started")
    page.get_by_role("button", name="Apply").click()
    page.locator("summary", has_text="Save this filter").click()
    page.get_by_label("Name of the filter").fill("Who signed in")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Who signed in")).to_have_attribute("href", "/audit/?kind=session.started")
    auditor.go("/audit/")
    page.get_by_role("link", name="Who signed in").click()
    expect(page.get_by_label("Kind of event")).to_have_value("session.started")
