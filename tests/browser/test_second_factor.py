"""Passkeys, codes and recovery codes in a real Chromium with a virtual authenticator, in a portal that needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.accounts.test_second_factor import code_of
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.xdist_group("second factor"),
    pytest.mark.shows("W05", "W07"),
]
Hire = Callable[..., "Holder"]
AGE = """
from django.contrib.sessions.models import Session
from django.contrib.sessions.backends.db import SessionStore
for row in Session.objects.all():
    session = SessionStore(row.session_key)
    records = session.get("account_authentication_methods", [])
    session["account_authentication_methods"] = [{**record, "at": record["at"] - 301} for record in records]
    session.save()
"""
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Holder:
    """Somebody at a browser of their own, with an authenticator in it."""

    def __init__(self, browser: Browser, portal: Portal, name: str, password: str) -> None:
        self.name, self.password, self.portal = name, password, portal
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.devtools: CDPSession = self.context.new_cdp_session(self.page)
        self.devtools.send("WebAuthn.enable")
        made = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.authenticator: str = made["authenticatorId"]

    def tell(self, command: str, **facts: Any) -> None:
        """Change the authenticator."""
        self.devtools.send(f"WebAuthn.{command}", {"authenticatorId": self.authenticator, **facts})

    def enter_password(self) -> None:
        """The first step of a sign-in."""
        self.page.goto(self.portal.url)
        self.page.locator("[name=login]").fill(self.name)
        self.page.locator("main [name=password]").fill(self.password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def confirm_by_password(self) -> None:
        """The page that asks before a factor is added."""
        expect(self.page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
        self.page.get_by_label("Your password").fill(self.password)
        self.page.get_by_role("button", name="Continue").click()

    def add_passkey(self) -> list[str]:
        """From the page of the second factor; the recovery codes."""
        page = self.page
        page.get_by_role("link", name="Add a passkey").click()
        self.confirm_by_password()
        page.get_by_label("Name").fill("Laptop")
        page.get_by_role("button", name="Add passkey").click()
        expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
        codes = page.locator("pre").inner_text().split()
        page.get_by_role("link", name="I have stored the codes").click()
        return codes

    def expect_signed_in(self) -> None:
        expect(self.page.locator("body.framed")).to_be_attached()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    env = {"SWEEP_EVERY_S": "0.5", "SECOND_FACTOR_ROLES": "approver,auditor,administrator"}
    with Portal(tmp_path_factory.mktemp("factors"), env) as running:
        yield running


@pytest.fixture
def hire(portal: Portal, browser: Browser) -> Iterator[Hire]:
    """`hire("petra", "approver")`: that person, not signed in. Their console must have stayed silent."""
    hired: list[Holder] = []

    def holder(name: str, *roles: str, like: Holder | None = None) -> Holder:
        password = like.password if like else portal.hire(name, *roles)
        hired.append(Holder(browser, portal, name, password))
        return hired[-1]

    yield holder
    for each in hired:
        each.context.close()
    said = [text for each in hired for text in each.complaints]
    assert [text for text in said if not re.search(r"status of 4\d\d", text)] == []


def propose(portal: Portal, browser: Browser, secret: int, **fields: str) -> int:
    """The demo's requester, whose role needs no factor, proposes a change."""
    rita = Person.sign_in(browser, portal.url, "requester", portal.accounts["requester"])
    change = rita.propose(secret, **fields)
    rita.context.close()
    return change


def test_passkey_is_added_then_signs_in_and_confirms_a_vote(hire: Hire, portal: Portal, browser: Browser) -> None:
    """From an account with a password alone to an approval of high risk, each step as a person takes it."""
    change = propose(portal, browser, 12, url="https://pix-eu.example")
    petra = hire("petra", "approver")
    page = petra.page
    petra.enter_password()
    expect(page.get_by_text("Your role needs a second factor")).to_be_visible()
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    assert len(petra.add_passkey()) == 10
    expect(page.locator(".device-name", has_text="Laptop")).to_be_visible()
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})

    page.context.clear_cookies()
    petra.enter_password()
    page.get_by_role("button", name="Use your passkey").click()
    petra.expect_signed_in()

    portal.manage("shell", "-c", AGE)
    page.goto(f"{portal.url}/changes/{change}/")
    page.locator(f"#approve-{change}").click()
    sheet = page.locator("#approve-sheet")
    sheet.locator("summary", has_text="Add a comment").click()
    sheet.get_by_label("Comment", exact=True).fill("Compared with the ticket")
    sheet.locator("[name^=confirmed-]").check()
    petra.tell("setUserVerified", isUserVerified=False)
    sheet.get_by_role("button", name="Approve").click()
    expect(sheet.get_by_text("The passkey was not used. Nothing was sent.")).to_be_visible(timeout=90_000)
    petra.tell("setUserVerified", isUserVerified=True)
    sheet.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{change}")


def test_passkey_signs_in_without_a_password(hire: Hire, portal: Portal) -> None:
    paulo = hire("paulo", "auditor")
    paulo.enter_password()
    paulo.add_passkey()
    paulo.page.context.clear_cookies()
    paulo.page.goto(portal.url)
    paulo.page.get_by_role("button", name="Sign in with a passkey").click()
    paulo.expect_signed_in()
    expect(paulo.page.get_by_role("link", name="Audit log")).to_be_visible()


def test_app_and_recovery_codes_sign_in_and_a_recovery_code_confirms_no_vote(
    hire: Hire, portal: Portal, browser: Browser
) -> None:
    change = propose(portal, browser, 14, notes="decided with a recovery code")
    tara = hire("tara", "approver")
    page = tara.page
    tara.enter_password()
    page.get_by_role("link", name="Add an authenticator app").click()
    tara.confirm_by_password()
    assert page.locator(".qr-code").evaluate("image => image.complete && image.naturalWidth > 0")
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_text("Enter the key by typing").click()
    secret = page.locator("details .mono").inner_text()
    page.get_by_label("Code that the app shows").fill(code_of(secret))
    page.get_by_role("button", name="Add app").click()
    codes = page.locator("pre").inner_text().split()

    page.context.clear_cookies()
    tara.enter_password()
    assert findings(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_label("Code from your authenticator app").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    tara.expect_signed_in()
    page.goto(f"{portal.url}/changes/{change}/")
    page.locator(f"#approve-{change}").click()
    sheet = page.locator("#approve-sheet")
    sheet.get_by_role("button", name="Approve").click()
    expect(sheet.get_by_role("alert").first).to_contain_text("You signed in with a recovery code")
    portal.manage("shell", "-c", "from django.core.cache import cache; cache.clear()")
    sheet.get_by_label("Code from your authenticator app").fill(code_of(secret))
    sheet.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text(f"You approved CR-{change}")


def test_stolen_session_is_refused_a_factor_of_its_own(hire: Hire, portal: Portal) -> None:
    """The thief has the cookie of a session that was opened a moment ago, and an authenticator of their own."""
    vera = hire("vera", "administrator")
    vera.enter_password()
    vera.add_passkey()
    vera.page.context.clear_cookies()
    vera.enter_password()
    vera.page.get_by_role("button", name="Use your passkey").click()
    vera.expect_signed_in()
    thief = hire("vera", like=vera)
    thief.context.add_cookies(vera.context.cookies())
    page = thief.page
    page.goto(f"{portal.url}/accounts/second-factor/passkeys/add/")
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("The passkey was not used. Nothing was sent.")).to_be_visible(timeout=90_000)
    page.goto(f"{portal.url}/accounts/second-factor/")
    expect(page.locator(".device-name", has_text="Laptop")).to_be_visible()
    assert page.get_by_role("link", name=re.compile("^Remove")).count() == 1
