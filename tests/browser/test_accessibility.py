"""What axe (WCAG 2.2 AA) finds on a page, and that it finds nothing on refusals; all pages are in tests/atlas."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]

WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
LONG_NAME = "a-name-of-a-few-hundred-letters-" + "x" * 300


def test_every_refusal_is_accessible(browser: Browser, sign_in: Callable[..., Person]) -> None:
    """In a browser of their own: a refused page is a line in the console, which elsewhere must stay silent."""
    requester = sign_in("requester")
    change = requester.propose(35, tags="maps, refused")
    found = []
    for person, path, acts in (
        (requester, "/secrets/35/propose/", ["main form [name=act][value=preview] >> nth=-1"]),
        (sign_in("approver"), f"/changes/{change}/", ["#decide [id^=reject-]", "#reject-sheet .btn-reject"]),
        (requester, f"/changes/{change + 1000}/", []),
        (requester, "/audit/", []),
    ):
        page = browser.new_context(storage_state=person.context.storage_state()).new_page()
        page.goto(person.url + path)
        for act in acts:
            page.locator(act).click()
        if acts:
            page.get_by_role("alert").first.wait_for()
        found += findings(page)
        page.context.close()
    assert found == []


def look_at(person: Person, paths: list[str]) -> list[str]:
    return [finding for path in paths for finding in findings(person.go(path))]


def findings(page: Page) -> list[str]:
    """What axe has against the page in each scheme and width, and whether it is wider than its window."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour on its way
            page.evaluate("scrollTo(0, 0)")
            violations = Axe().run(page, options=RULES).response["violations"]
            where = f"{page.url} {width} {scheme}"
            found += [f"{where}: {rule['id']}: {node['html']}" for rule in violations for node in rule["nodes"]]
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found.append(f"{page.url} is wider than {width}")
    return found
