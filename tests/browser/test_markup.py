"""Markup in every text that people or the vault can put on a page, read in a real browser: it stays text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.browser.markup import ADDRESSES, PAYLOADS, STRANGE, WATCH
from tests.rig.desk import Person
from tests.rig.evidence import Evidence
from tests.rig.portal import Portal
from tests.rig.rounds import rounds
from tests.rig.visitor import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.xdist_group("portal"),
    pytest.mark.shows("W10"),
    pytest.mark.timeout(rounds(120, 900)),
]

SECRET = 64
BATCH = 12
LIMIT = 500


def batches() -> list[str]:
    """The payloads, as many at once as a field of the vault holds."""
    found = [""]
    for payload in PAYLOADS[: rounds(BATCH, len(PAYLOADS))]:
        if len(found[-1]) + len(payload) >= LIMIT:
            found.append("")
        found[-1] = f"{found[-1]} {payload}".strip()
    return found


class Watched:
    """A person whose browser notes whatever their pages ask for, run or are forbidden."""

    def __init__(self, person: Person) -> None:
        self.person, self.seen = person, []
        person.page.add_init_script(WATCH)
        person.page.on("dialog", lambda dialog: (self.seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
        person.page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        path = url.removeprefix(self.person.url)
        if path == url or "owned" in path.partition("?")[0]:
            self.seen.append(f"request {url[:120]}")

    def go(self, path: str) -> Page:
        page = self.person.go(path)
        self.look()
        return page

    def look(self) -> None:
        """Take down what the page that is open has come to."""
        page = self.person.page
        page.wait_for_load_state("networkidle")
        where = page.url.removeprefix(self.person.url)
        self.seen += [f"{where}: {found}" for found in [*page.evaluate("done"), *page.evaluate(STRANGE)]]


@contextmanager
def renamed(portal: Portal, name: str, called: str) -> Iterator[None]:
    """A person whose name on every page is this text; the longest a name can be."""
    database = Evidence(portal)
    statement = "UPDATE accounts_user SET first_name = %s, last_name = %s WHERE username = %s"
    ((first, last),) = database.ask("SELECT first_name, last_name FROM accounts_user WHERE username = %s", name)
    database.ask(statement, called[:150], called[150:300], name)
    try:
        yield
    finally:
        database.ask(statement, first, last, name)


@pytest.mark.parametrize("text", batches(), ids=lambda text: text[:24])
def test_markup_stays_text_wherever_it_comes_from(
    portal: Portal, segura: Control, sign_in: Callable[..., Person], text: str
) -> None:
    with renamed(portal, "requester2", text), renamed(portal, "approver2", text):
        requester, approver, auditor = (Watched(sign_in(name)) for name in ("requester2", "approver2", "auditor"))
        segura.edit(
            SECRET,
            **dict.fromkeys(("name", "tags", "notes", "identifier_code", "method"), text),
            url=ADDRESSES[0],
            users_allowed={text: True},
            groups_allowed={text: False},
        )
        wait_until(
            lambda: "owned" in requester.go(f"/secrets/?q={SECRET}").locator("main").inner_text(), "it is mirrored"
        )
        rejected = proposed(requester, text + " once more", ADDRESSES[1:3])
        page = approver.go(f"/queue/?open={rejected}")
        page.locator(f"#reject-{rejected}").click()
        page.locator("#reject-sheet").get_by_label("Comment", exact=True).fill(text)
        page.locator("#reject-sheet").get_by_role("button", name="Reject").click()
        expect(page.locator("#messages")).to_contain_text(f"You rejected CR-{rejected}")
        segura.plan(f"refuse:1005:{text}", endpoint="update", identifier=str(SECRET))
        failed = proposed(requester, text + " a third time", ADDRESSES[3:])
        approver.go(f"/changes/{failed}/")
        approver.person.page.locator(f"#approve-{failed}").click()
        sheet = approver.person.page.locator("#approve-sheet")
        sheet.locator("[name^=confirmed-]").check()
        sheet.get_by_role("button", name="Approve").click()
        requester.person.expect_status(failed, "Failed")
        for change in (rejected, failed):
            for reader in (requester, approver):
                expect(reader.go(f"/changes/{change}/").locator("main")).to_contain_text("owned()")
            auditor.go(f"/changes/{change}/")
            auditor.go(f"/audit/changes/{change}/")
        for path in ("/queue/", "/changes/", "/changes/?q=script", "/changes/?requester=script"):
            approver.go(path)
        requester.go("/changes/mine/")
        for path in ("/audit/", "/audit/?person=requester2", f"/audit/?change={failed}"):
            page = auditor.go(path)
        page.locator("main a[href*='/audit/events/']").first.click()
        auditor.look()
    assert [*requester.seen, *approver.seen, *auditor.seen] == []


def proposed(requester: Watched, text: str, addresses: tuple[str, ...]) -> int:
    """Propose it in every field, by way of a form that is refused first and of the preview; the number."""
    requester.go(f"/secrets/{SECRET}/")
    page = requester.go(f"/secrets/{SECRET}/propose/")
    for name in ("name", "tags", "identifier_code", "method", "ticket"):
        page.locator(f"[name={name}]").fill(text[-90:] if name == "ticket" else text[-LIMIT:])
    page.locator("[name=url]").fill("https://owned.example/#" + "|".join(addresses).replace(" ", "+"))
    page.locator("[name=notes]").fill(text * 3)
    for kind in ("users_allowed", "groups_allowed"):
        page.locator(f"[name^={kind}-][name$=-name][type=text]").first.fill(text[-LIMIT:])
    page.get_by_role("button", name="Review changes").last.click()
    page.get_by_role("alert").first.wait_for()  # the reason is missing
    requester.look()
    requester.person.complaints.clear()
    page.get_by_label("Reason").fill(text)
    requester.person.preview()
    requester.look()
    return requester.person.submit()


def test_the_browser_would_have_told(portal: Portal, sign_in: Callable[..., Person]) -> None:
    """The same watch, on a page that does hold what it looks for."""
    reader = Watched(sign_in("auditor"))
    page = reader.go("/audit/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=/owned onerror=owned()><b hx-on:x=y>')")
    page.wait_for_function("done.length > 0")
    reader.look()
    told = " ".join(reader.seen)
    assert "request" in told
    assert "policy: script-src" in told
    assert "hx-on" in told
    reader.person.complaints.clear()
