"""Chromium, the portal's processes and an OpenID provider in a process of its own: sign-in, roles, confirmation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.identity.real_provider import RealProvider, running_provider
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("identity")]
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, RealProvider]]:
    """A portal that signs in with a provider, and the provider."""
    portal = Portal(tmp_path_factory.mktemp("identity"), {"SWEEP_EVERY_S": "0.5"})
    with running_provider(tmp_path_factory.mktemp("provider") / "state", f"http://localhost:{portal.port}") as provider:
        portal.environment |= provider.settings()
        with portal:
            yield portal, provider


@pytest.fixture
def portal(both: tuple[Portal, RealProvider]) -> Portal:
    return both[0]


@pytest.fixture
def provider(both: tuple[Portal, RealProvider]) -> RealProvider:
    return both[1]


@pytest.fixture
def visit(portal: Portal, browser: Browser) -> Iterator[Visit]:
    """A browser of its own at the sign-in page; its console must have stayed silent."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_browser(**options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.goto(portal.url)
        return page

    yield open_browser
    for context in contexts:
        context.close()
    assert [text for text in complaints if "status of 4" not in text and "status of 5" not in text] == []


def authenticate(page: Page, username: str) -> None:
    """Fill in the form of the provider."""
    page.locator("[name=login]").fill(username)
    page.locator("[name=password]").fill(f"{username}-pw")
    page.get_by_role("button", name="Sign in").click()


def sign_in(page: Page, username: str) -> None:
    page.get_by_role("button", name="Continue with Example Identity").click()
    expect(page).to_have_title(re.compile("Example Identity"))
    authenticate(page, username)


@pytest.mark.parametrize("scripts", [True, False])
def test_first_sign_in_leads_to_the_home_of_the_role(scripts: bool, visit: Visit, provider: RealProvider) -> None:
    name = "rosa" if scripts else "rui"
    provider.employ(name, f"{name.title()} Requester", groups=["Staff", "CS Requesters"])
    page = visit(java_script_enabled=scripts)
    first = page.locator("main button").first
    expect(first).to_have_text(re.compile("Continue with Example Identity"))
    sign_in(page, name)
    expect(page.locator("body.framed")).to_be_attached()
    expect(page.get_by_role("link", name="New change")).to_be_visible()


def test_page_that_was_asked_for_opens_after_the_sign_in(visit: Visit, provider: RealProvider, portal: Portal) -> None:
    provider.employ("paul", "Paul Auditor", groups=["CS Auditors"])
    page = visit()
    page.goto(f"{portal.url}/audit/")
    sign_in(page, "paul")
    expect(page).to_have_url(f"{portal.url}/audit/")
    row = page.locator("tr", has_text="Account created")
    expect(row.first).to_contain_text("paul")


@contextmanager
def window_of(page: Page) -> Iterator[list[Page]]:
    opened: list[Page] = []
    with page.context.expect_page() as info:
        yield opened
    opened.append(info.value)


def test_confirmation_at_the_provider_keeps_what_was_typed(
    visit: Visit, provider: RealProvider, portal: Portal
) -> None:
    """A second window asks for the password at the provider; the form in the first is sent as it is."""
    provider.employ("ada", "Ada Administrator", groups=["CS Admins"], auth_time=1)
    page = visit()
    sign_in(page, "ada")
    page.goto(f"{portal.url}/operations/")
    page.get_by_text("Pause delivery").first.click()
    form = page.locator("form[action$='/pause/']")
    form.get_by_label("Reason").fill("The gateway is replaced")
    expect(form.locator("[name=password]")).to_have_count(0)
    provider.employ("ada", "Ada Administrator", groups=["CS Admins"])
    with window_of(page) as opened:
        form.get_by_role("button", name="Confirm with Example Identity").click()
    second = opened[0]
    second.locator("[name=password]").fill("ada-pw")
    second.get_by_role("button", name="Confirm your password").click()
    expect(second.get_by_role("heading", name="You are confirmed")).to_be_visible()
    second.close()
    expect(form.get_by_label("Reason")).to_have_value("The gateway is replaced")
    form.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("You have paused delivery.")).to_be_visible()


def test_lost_group_acts_in_the_open_session_after_the_next_sign_in(
    visit: Visit, provider: RealProvider, portal: Portal
) -> None:
    provider.employ("lea", "Lea Leader", groups=["CS Approvers", "CS Requesters"])
    first, second = visit(), visit()
    sign_in(first, "lea")
    expect(first.locator("body.framed")).to_be_attached()
    provider.employ("lea", "Lea Leader", groups=["CS Requesters"])
    sign_in(second, "lea")
    expect(second.locator("body.framed")).to_be_attached()
    first.goto(f"{portal.url}/queue/")
    expect(first.get_by_role("heading", name="No access")).to_be_visible()
    provider.employ("lea", "Lea Leader")
    third = visit()
    sign_in(third, "lea")
    expect(third.get_by_text("Example Identity did not send your groups")).to_be_visible()


def test_sign_out_ends_both_sessions(visit: Visit, provider: RealProvider, portal: Portal) -> None:
    provider.employ("sara", "Sara Requester", groups=["CS Requesters"])
    page = visit()
    sign_in(page, "sara")
    page.locator("[aria-label='Account of Sara Requester']").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{portal.url}/accounts/login/")
    page.get_by_role("button", name="Continue with Example Identity").click()
    expect(page.locator("[name=login]")).to_be_visible()
    expect(page).to_have_title(re.compile("Example Identity"))


def test_back_channel_logout_ends_the_session_in_the_browser(
    visit: Visit, provider: RealProvider, portal: Portal
) -> None:
    provider.employ("bert", "Bert Requester", groups=["CS Requesters"], sid="s-of-bert")
    page = visit()
    sign_in(page, "bert")
    expect(page.locator("body.framed")).to_be_attached()
    answer = page.request.post(
        f"{portal.url}/identity/backchannel-logout/", form={"logout_token": provider.logout_token("s-of-bert")}
    )
    assert answer.status == 200, answer.text()
    page.goto(portal.url)
    expect(page.get_by_role("button", name="Continue with Example Identity")).to_be_visible()


def test_provider_that_goes_down_in_the_middle_is_a_page_that_says_so(
    visit: Visit, provider: RealProvider, portal: Portal
) -> None:
    """The provider ends between its redirect and the call by which the portal redeems the code."""
    provider.employ("dora", "Dora Requester", groups=["CS Requesters"])
    page = visit()
    page.get_by_role("button", name="Continue with Example Identity").click()
    form = {name: page.locator(f"[name={name}]").input_value() for name in ("csrfmiddlewaretoken", "next")}
    form |= {"login": "dora", "password": "dora-pw"}
    answer = page.request.post(page.url, form=form, max_redirects=0)
    answer = page.request.get(urljoin(provider.issuer, answer.headers["location"]), max_redirects=0)
    provider.stop()
    page.goto(answer.headers["location"])
    expect(page.get_by_role("heading", name="Sign-in is not available")).to_be_visible()
    expect(page.get_by_text("Example Identity did not answer as expected.")).to_be_visible()
    provider.start()
    page.get_by_role("link", name="To sign-in").click()
    page.get_by_role("button", name="Continue with Example Identity").click()
    expect(page.locator("body.framed")).to_be_attached()
