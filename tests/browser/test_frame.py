"""The frame of every page: header, navigation, widths, search and copy buttons."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import findings
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(400)]
SignIn = Callable[..., Person]

PAGES = {
    "requester": ("/", "/changes/mine/", "/secrets/", "/secrets/43/", "/notifications/", "/help/", "/search/?q=a"),
    "approver": ("/queue/", "/changes/", "/risk-rules/", "/accounts/preferences/"),
    "auditor": ("/audit/overview/", "/audit/", "/audit/exports/"),
    "admin": ("/operations/", "/operations/users/", "/operations/keys/", "/operations/connection/"),
}
WIDTHS = (1920, 1440, 1024, 390)
SMALL_TARGETS = """() => [...document.querySelectorAll("a[href], button, summary, input:not([type=hidden]), select")]
    .filter(each => each.checkVisibility({visibilityProperty: true}))
    .filter(each => !each.closest("p, li, dd, td, label, .skip-link"))
    .filter(each => getComputedStyle(each).display !== "inline"
        || each.parentElement.innerText.trim() === each.innerText.trim())  // a link within a sentence
    .map(each => [each.getBoundingClientRect(), each.outerHTML.slice(0, 120)])
    .filter(([box]) => box.width && (box.width < 24 || box.height < 24)).map(([, html]) => html)"""


@pytest.mark.parametrize("name", PAGES)
def test_ctrl_k_opens_search_on_every_page_and_escape_returns_the_focus_g1(name: str, sign_in: SignIn) -> None:
    person = sign_in(name)
    for path in PAGES[name]:
        page = person.go(path)
        link = page.locator(".side a").first
        link.focus()
        page.keyboard.press("Control+k")
        expect(page.get_by_role("dialog", name="Search").get_by_role("searchbox")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Search")).to_be_hidden()
        expect(link).to_be_focused()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways_in_both_languages_and_themes_g2(name: str, sign_in: SignIn) -> None:
    person = sign_in(name)
    wide = []
    for language in ("en", "pt-br"):
        person.context.add_cookies([{"name": "language", "value": language, "url": person.url}])
        for path in PAGES[name]:
            page = person.go(path)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                        wide.append((path, language, width, scheme))
    assert wide == []


@pytest.mark.parametrize("name", PAGES)
def test_main_is_at_least_1600_px_wide_at_1920_g3(name: str, sign_in: SignIn) -> None:
    person = sign_in(name, viewport={"width": 1920, "height": 1080})
    for path in PAGES[name]:
        assert person.go(path).locator("main").evaluate("main => main.getBoundingClientRect().width") >= 1600


@pytest.mark.parametrize("name", PAGES)
def test_at_most_ten_tab_stops_come_before_the_content_g4(name: str, sign_in: SignIn) -> None:
    page = sign_in(name).go(PAGES[name][0])
    stops = []
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('main') !== null"):
            break
        stops.append(page.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
    assert "skip-link" in stops[0]
    assert len(stops) <= 10, stops


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_every_search_has_its_own_name_g5(name: str, sign_in: SignIn) -> None:
    person = sign_in(name)
    found = []
    for path in PAGES[name][:4]:
        page = person.go(path)
        found += findings(page)
        found += [f"{path}: {each}" for each in same_names(page)]
    page.keyboard.press("Control+k")
    expect(page.locator("#search [data-result]").first).to_be_visible()
    assert found + findings(page) == []


def same_names(page: Page) -> list[str]:
    names = page.evaluate(
        "[...document.querySelectorAll('[role=search]')].map(each => each.getAttribute('aria-label') ?? '')"
    )
    return [name for name in names if not name or names.count(name) > 1]


@pytest.mark.parametrize("name", PAGES)
def test_touch_targets_are_at_least_24_px_g8(name: str, sign_in: SignIn) -> None:
    person = sign_in(name)
    small = {}
    for path in PAGES[name]:
        page = person.go(path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            small |= {(path, html): width for html in page.evaluate(SMALL_TARGETS)}
    assert small == {}


def test_left_column_has_220_px_then_64_px_then_is_a_menu(sign_in: SignIn) -> None:
    page = sign_in("approver").go("/queue/")
    for width, column in ((1920, 220), (1440, 220), (1199, 64), (768, 64)):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator(".side").evaluate("side => side.getBoundingClientRect().width") == column
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".side")).to_be_hidden()
    page.locator(".top .menu summary").click()
    expect(page.locator(".top .menu").get_by_role("link", name="All changes")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".top .menu").get_by_role("link", name="All changes")).to_be_hidden()


def test_arrow_keys_and_enter_open_a_result_that_was_announced_f3(sign_in: SignIn) -> None:
    requester = sign_in("requester")
    change = requester.propose(31, reason="The palette looks for this zebra", notes="new notes")
    page = requester.go("/secrets/")
    page.keyboard.press("Control+k")
    box = page.get_by_role("dialog", name="Search").get_by_role("searchbox")
    box.fill("zebra")
    expect(page.get_by_role("status").filter(has_text="1 result")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#search [data-result]").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/changes/{change}/")
    page.keyboard.press("Control+k")
    page.keyboard.type(f"CR-{change}")
    page.keyboard.press("Enter")  # before the results are there: the page of results leads on
    page.wait_for_url(f"**/changes/{change}/")


def test_copied_value_equals_the_stored_one_byte_for_byte_cl3(sign_in: SignIn) -> None:
    page = sign_in("requester").go("/help/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for value in ("https://gcp.example/a?b=c&d=<e>", "line 1\nline 2 ", " é\u00a0\u200b"):
        page.evaluate(
            "value => { const button = document.createElement('button'); button.dataset.copy = value;"
            " document.querySelector('main').prepend(button); }",
            value,
        )
        page.locator("main [data-copy]").first.evaluate("button => button.click()")
        page.wait_for_function("document.querySelector('main [data-copy]').hasAttribute('data-done')")
        assert json.loads(page.evaluate("navigator.clipboard.readText().then(JSON.stringify)")) == value


def test_header_search_leads_to_the_search_page_without_javascript(sign_in: SignIn) -> None:
    page = sign_in("approver", java_script_enabled=False).go("/queue/")
    page.locator(".search-open").click()
    page.get_by_label("Changes, secrets, users and pages", exact=True).fill("risk")
    page.locator("main").get_by_role("button", name="Search").click()
    expect(page.locator("main").get_by_role("link", name="How risk is scored")).to_be_visible()
