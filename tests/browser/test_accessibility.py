"""Every page and state under axe (WCAG 2.2 AA): light and dark, wide and narrow as a phone, and never wider than it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from portal.sandbox import Control
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]

WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
LONG_NAME = "a-name-of-a-few-hundred-letters-" + "x" * 300
MARKUP = "<b>bold</b> <script>alert(1)</script> & {{ 7 }}"


def test_every_page_is_accessible(
    segura: Control, portal: Portal, browser: Browser, sign_in: Callable[..., Person]
) -> None:
    requester, approver, auditor = sign_in("requester"), sign_in("approver"), sign_in("auditor")
    changes = one_of_each(segura, requester, approver)
    found = look_at(approver, ["/queue/", f"/queue/?open={changes['pending']}", "/queue/?q=nothing", "/changes/"])
    found += look_at(approver, [f"/changes/{change}/" for change in changes.values()])
    found += look_at(approver, ["/notices/", "/accounts/preferences/"])
    found += look_at(
        requester, ["/changes/mine/", "/secrets/", "/secrets/34/", "/secrets/51/", "/accounts/password/change/"]
    )
    found += look_at(requester, ["/secrets/34/propose/", "/secrets/51/propose/", f"/changes/{changes['failed']}/"])
    found += preview(requester)
    found += look_at(
        auditor, ["/audit/", "/audit/?person=nobody", f"/audit/changes/{changes['doubted']}/", "/audit/events/1/"]
    )
    found += look_at(
        auditor,
        ["/audit/overview/", "/audit/people/requester/", "/audit/people/nobody/"],
    )
    found += look_at(
        auditor, ["/audit/secrets/21/", "/audit/secrets/0/", "/audit/find/?q=a", "/audit/exports/?code=201"]
    )
    found += look_at(sign_in("admin"), ["/", "/notices/", f"/changes/{changes['doubted']}/"])
    stranger = browser.new_context().new_page()
    stranger.goto(portal.url)
    found += findings(stranger)
    assert found == []


def test_every_refusal_is_accessible(browser: Browser, sign_in: Callable[..., Person]) -> None:
    """In a browser of their own: a refused page is a line in the console, which elsewhere must stay silent."""
    requester = sign_in("requester")
    change = requester.propose(35, tags="maps, refused")
    found = []
    for person, path, act in (
        (requester, "/secrets/35/propose/", "Preview"),
        (sign_in("approver"), f"/changes/{change}/", "Reject"),
        (requester, f"/changes/{change + 1000}/", ""),
        (requester, "/audit/", ""),
    ):
        page = browser.new_context(storage_state=person.context.storage_state()).new_page()
        page.goto(person.url + path)
        if act:
            page.get_by_role("button", name=act).last.click()
            page.get_by_role("alert").first.wait_for()
        found += findings(page)
        page.context.close()
    assert found == []


def one_of_each(segura: Control, requester: Person, approver: Person) -> dict[str, int]:
    """Changes in the states that look different, with values that are long, odd or hidden."""
    segura.edit(
        34,
        name=LONG_NAME,
        notes="A line of a long note.\n" * 400,
        users_allowed={f"user-{n}": n % 2 == 0 for n in range(60)},
    )
    segura.plan("refuse:1005:Api secret not found", endpoint="update", identifier="15")
    made = {"failed": requester.propose(15, notes=MARKUP, value="a-value-that-fails", reason=MARKUP)}
    approver.approve(made["failed"])
    made["rejected"] = requester.propose(17, tags="ci\u200d, deploy")
    page = approver.go(f"/changes/{made['rejected']}/")
    page.get_by_label("Comment", exact=True).fill("Not before the audit.\nSee OPS-12.")
    page.get_by_role("button", name="Reject").click()
    segura.plan("504_before_apply", endpoint="update", identifier="21", times=None)
    made["doubted"] = requester.propose(21, url="http://graph.example/v2")
    approver.approve(made["doubted"])
    segura.wait(lambda journal: any(call["endpoint"] == "update" for call in journal["arrivals"]))
    segura.plan("503", endpoint="get", identifier="21", times=None)
    approver.expect_status(made["failed"], "Failed")
    approver.expect_status(made["doubted"], "In doubt", "Needs a person")
    made["unseen"] = requester.propose(51, notes="nobody can see what this replaces", value="a-value-for-the-treasury")
    made["pending"] = requester.propose(34, notes="short", url="https://elsewhere.example/" + "y" * 300)
    return made


def preview(requester: Person) -> list[str]:
    page = requester.go("/secrets/26/propose/")
    page.locator("[name=url]").fill("http://sms.example/")
    page.get_by_label("Let the portal make one up").check()
    page.get_by_label("Reason").fill(MARKUP)
    found = findings(page)
    requester.preview()
    return found + findings(page)


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
