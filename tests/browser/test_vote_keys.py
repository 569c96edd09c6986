"""Vote keys in a browser with a virtual authenticator: enrol, confirm by a second person, sign a vote, revoke."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(300)]
SignIn = Callable[..., Person]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def first_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("deployment") / "first-vote-keys.txt"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, first_file: Path) -> Iterator[Portal]:
    """A portal of its own, on which votes on high-risk changes must be signed."""
    settings = {
        "SWEEP_EVERY_S": "0.5",
        "NOTIFICATIONS_EVERY_S": "0.5",
        "SIGNED_VOTES": "required_high_risk",
        "VOTE_KEYS_FIRST_FILE": str(first_file),
    }
    with Portal(tmp_path_factory.mktemp("portal"), settings) as running:
        yield running


@pytest.fixture
def segura(portal: Portal) -> Control:
    control = Control(portal.control)
    control.clear_faults()
    return control


@pytest.fixture
def sign_in(portal: Portal, browser: Browser) -> Iterator[SignIn]:
    people: list[Person] = []

    def at_the_desk(name: str, password: str = "", **options: object) -> Person:
        person = Person.sign_in(browser, portal.url, name, password or portal.accounts[name], **options)
        people.append(person)
        return person

    yield at_the_desk
    for person in people:
        person.context.close()
    assert [complaint for person in people for complaint in person.complaints] == []


def add_authenticator(person: Person) -> None:
    """Give the browser of this person a passkey that verifies its user."""
    session = person.context.new_cdp_session(person.page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


def enrol(person: Person) -> str:
    """Enrol a key on the page; return its fingerprint."""
    add_authenticator(person)
    page = person.go("/vote-keys/")
    page.get_by_label("Name of the key").fill("Laptop")
    page.get_by_role("button", name="Enrol").click()
    expect(page.locator("#messages")).to_contain_text("You enrolled a vote key.")
    return page.locator(".vote-key .vote-key-print").first.inner_text()


def wait_until_sealed(person: Person) -> Page:
    """Load the page until the sealer has sealed what stands on it."""
    page = person.go("/vote-keys/")
    for _ in range(40):
        if page.get_by_text("Not sealed in the audit log yet").count() == 0:
            break
        page.wait_for_timeout(250)
        page = person.go("/vote-keys/")
    return page


def confirm(person: Person, owner: str) -> None:
    """Confirm the key of `owner` with the person's own."""
    page = wait_until_sealed(person)
    key = page.locator(".vote-key").filter(has_text=owner).filter(has_text="Waiting for confirmation")
    key.get_by_role("button", name="Confirm with your vote key").click()
    expect(page.locator("#messages")).to_contain_text("You confirmed the vote key of")


def counts(person: Person) -> None:
    """Wait until the person's own key counts."""
    page = person.go("/vote-keys/")
    for _ in range(40):
        if page.get_by_text("Counts", exact=True).count():
            break
        page.wait_for_timeout(250)
        page = person.go("/vote-keys/")
    expect(page.get_by_text("Counts", exact=True).first).to_be_visible()


def begin_chain(one: Person, two: Person, first_file: Path) -> None:
    """Enrol the keys of both, write their fingerprints into the file, and let both confirm each other."""
    lines = [f"{enrol(person)} {person.name}\n" for person in (one, two)]
    with first_file.open("a", encoding="utf-8") as file:
        file.writelines(lines)
    confirm(one, two.name)
    confirm(two, one.name)


def test_vote_key_from_enrolment_to_a_signed_approval_that_is_applied_and_to_its_revocation(
    portal: Portal, segura: Control, sign_in: SignIn, first_file: Path
) -> None:
    one = sign_in("root-one", portal.hire("root-one", "administrator"))
    two = sign_in("root-two", portal.hire("root-two", "administrator"))
    voter, requester = sign_in("approver"), sign_in("requester")
    begin_chain(one, two, first_file)

    change = requester.propose(31, url="https://else.example/api")
    page = voter.go(f"/changes/{change}/")
    voter.expect_refusals(422)
    page.get_by_role("button", name=re.compile("Review .* effect")).click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("This vote must be signed with a vote key. You have none that is confirmed.")
    sheet.get_by_label("I understand what approving does").check()
    sheet.get_by_role("button", name="Approve").click()
    expect(page.locator("main")).to_contain_text("This vote must be signed with a vote key (rule SIGNED_VOTES).")

    enrol(voter)
    confirm(one, "approver")
    counts(voter)
    assert findings(voter.page) == []
    page = voter.go(f"/changes/{change}/")
    page.get_by_role("button", name=re.compile("Review .* effect")).click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("You sign with your vote key:")
    assert findings(page) == []
    sheet.get_by_label("I understand what approving does").check()
    sheet.get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text("It is being sent to Segura.")
    expect(page.locator("main")).to_contain_text("Applied", timeout=20_000)


def test_bulk_decision_is_one_signature_and_a_revoked_key_voids_the_open_approval(
    portal: Portal, segura: Control, sign_in: SignIn, first_file: Path
) -> None:
    chief = sign_in("chief-one", portal.hire("chief-one", "administrator"))
    second = sign_in("chief-two", portal.hire("chief-two", "administrator"))
    voter, requester = sign_in("vera", portal.hire("vera", "approver")), sign_in("requester")
    begin_chain(chief, second, first_file)
    enrol(voter)
    confirm(second, "vera")
    counts(voter)
    changes = [requester.propose(secret, notes="Signed in bulk") for secret in (29, 25)]

    page = sign_in("admin").go("/operations/")
    page.locator("a[href$='#pause-delivery']").first.click()
    page.get_by_role("dialog").get_by_label("Reason").fill("So that approvals stay open")
    page.get_by_role("dialog").get_by_role("button", name="Pause delivery").click()

    page = voter.go("/queue/")
    for change in changes:
        page.locator(f"input[name=picks][value^='{change}.']").check()
    expect(page.locator("#bulk")).to_contain_text("You sign one text with your vote key")
    page.get_by_role("button", name="Approve selected").click()
    expect(page.locator("main")).to_contain_text("Approved.")
    expect(voter.go(f"/changes/{changes[0]}/").locator("main")).to_contain_text("Approved")

    page = voter.go("/vote-keys/")
    page.get_by_text("Revoke this key").click()
    page.get_by_label("Reason").fill("Lost on the train")
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("#messages")).to_contain_text("You revoked the vote key.")
    for change in changes:
        expect(voter.go(f"/changes/{change}/").locator("main")).to_contain_text("Vote voided: its vote key was revoked")
    page = sign_in("admin").go("/operations/")
    page.locator("a[href$='#resume-delivery']").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Resume delivery").click()
