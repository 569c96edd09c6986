"""A person in front of a real Chromium: signs in, proposes, decides, reads, as people do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Playwright, expect, sync_playwright

from portal.devserver.bootstrap import find_chromium

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE_MS = 20_000
_TABS_AT_MOST = 120


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium, headless."""
    with sync_playwright() as playwright:
        yield launch(playwright)


def launch(playwright: Playwright) -> Browser:
    expect.set_options(timeout=_PATIENCE_MS)
    return playwright.chromium.launch(executable_path=find_chromium(), args=_ARGUMENTS)


@dataclass
class Person:
    """A user signed in at `url`. `complaints`: what the browser's console had to say of codes not `expected`."""

    name: str
    url: str
    context: BrowserContext
    page: Page
    password: str = field(repr=False)
    complaints: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)
    proposed: list[int] = field(default_factory=list)

    @classmethod
    def sign_in(cls, browser: Browser, url: str, name: str, password: str, **options: Any) -> Person:
        """A new browser profile in which this person has signed in."""
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        page = context.new_page()
        person = cls(name, url, context, page, password)
        page.on("console", lambda message: person._heard(message.type, message.text))
        page.on("pageerror", lambda error: person._heard("error", str(error)))
        page.goto(url)
        # By name, not by label: people sign in in their own language, and on a phone the way out is in a menu.
        page.locator("[name=login]").fill(name)
        page.locator("[name=password]").fill(password)
        page.locator("main form:has([name=login]) button[type=submit]").click()
        expect(page.locator("body.framed")).to_be_attached()
        person.discard_drafts()
        page.on("dialog", lambda dialog: dialog.accept())  # leaving a form that is not saved yet
        return person

    def go(self, path: str) -> Page:
        """Open a page of the portal."""
        try:
            self.page.goto(self.url + path)
        except Error:  # a page that was about to go on by itself got in between
            self.page.goto(self.url + path)
        return self.page

    def expect_refusals(self, *codes: int) -> None:
        """From now on answers with these codes are what the test is about, also those to what a page asks by itself."""
        self.expected |= {*codes}

    def discard_drafts(self) -> None:
        """Discard what an earlier test has typed and the pages have saved: the form of a secret would open with it."""
        discard = self.page.locator("form[action$='/draft/discard/'] button")
        while discard.count():
            discard.first.click()

    def propose(self, secret: int, *, reason: str = "A browser test asks", value: str = "", **fields: str) -> int:
        """Propose new field values (and a client secret `value`) for a secret; the number of the change."""
        page = self.go(f"/secrets/{secret}/propose/")
        for name, text in fields.items():
            page.locator(f"[name={name}]").fill(text)
        if value:
            page.get_by_label("Enter a new value").check()
            page.locator("[name=client_secret]").fill(value)
        page.get_by_label("Reason").fill(reason)
        self.preview()
        return self.submit()

    def preview(self) -> None:
        self.page.get_by_role("button", name="Review changes").last.click()
        expect(self.page.get_by_role("button", name="Submit for approval")).to_be_visible()

    def submit(self) -> int:
        self.page.get_by_role("button", name="Submit for approval").click()
        self.page.wait_for_url("**/changes/*/")
        self.proposed.append(int(self.page.url.rstrip("/").rsplit("/", 1)[1]))
        return self.proposed[-1]

    def withdraw_proposed(self) -> None:
        """Withdraw what this person proposed and is open: on a queue of many pages, tests miss their own changes."""
        tokens = [cookie["value"] for cookie in self.context.cookies() if cookie["name"] == "csrf"]
        for change in self.proposed:
            form = {"csrfmiddlewaretoken": "".join(tokens)}
            with suppress(Error):  # a test may have left no portal that answers
                self.context.request.post(f"{self.url}/changes/{change}/withdraw/", form=form, max_redirects=0)

    def approve(self, change: int) -> None:
        """Approve on the page of the change."""
        page = self.go(f"/changes/{change}/")
        page.locator(f"#approve-{change}").click()
        sheet = page.locator("#approve-sheet")
        asked = sheet.locator("[name=password]")
        if asked.count():  # signed in more than five minutes ago
            asked.fill(self.password)
        confirm = sheet.locator("[name^=confirmed-]")
        if confirm.count():  # high risk
            confirm.check()
        if asked.count() or confirm.count():
            sheet.get_by_role("button", name="Approve").click()
        expect(page.locator(f"#approve-{change}")).to_have_count(0)

    def expect_status(self, change: int, *words: str) -> None:
        """The page of the change comes to show one of these statuses by itself."""
        if not self.page.url.endswith(f"/changes/{change}/"):
            self.go(f"/changes/{change}/")
        badge = self.page.locator("#status .badge-status").first
        expect(badge).to_have_text(re.compile("|".join(words)), timeout=_PATIENCE_MS)

    def reread(self, change: int, word: str) -> None:
        """Open the page of the change until it shows this status, as people do whose browser runs no script."""
        give_up_at = time.monotonic() + _PATIENCE_MS / 1000
        while (now := self.go(f"/changes/{change}/").locator("#status .badge-status").first.inner_text()) != word:
            assert time.monotonic() < give_up_at, f"CR-{change} is not {word} but {now}"

    def tab_to(self, target: Locator) -> None:
        """Press Tab until this has the focus."""
        for _ in range(_TABS_AT_MOST):
            self.page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{_TABS_AT_MOST} times Tab, and {target} has no focus")

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(f" {code} " in text for code in self.expected):
            self.complaints.append(f"{self.page.url}: {text}")
