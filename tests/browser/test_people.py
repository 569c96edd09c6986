"""People under two administrators, in a browser: a role by proposal, and an account that is disabled."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]


def open_person(reader: Person, name: str) -> Page:
    page = reader.go("/operations/users/")
    page.get_by_role("link", name=name, exact=True).click()
    return page


def test_person_votes_only_after_a_second_administrator_approved_pe1(
    portal: Portal, segura: Control, sign_in: SignIn
) -> None:
    chief = sign_in("chief-one", portal.hire("chief-one", "administrator"))
    second = sign_in("chief-two", portal.hire("chief-two", "administrator"))
    voter = sign_in("vera", portal.hire("vera", "requester"))
    change = sign_in("requester").propose(31, notes="waits for a new approver")

    chief.expect_refusals(422)
    page = open_person(chief, "vera")
    page.get_by_role("link", name="Give roles").click()
    sheet = page.get_by_role("dialog", name="Give roles")
    assert findings(page) == []
    sheet.get_by_role("button", name="Propose").click()
    expect(page.get_by_role("dialog", name="Give roles")).to_contain_text("Select at least one role.")
    sheet.get_by_label("Approvers").check()
    sheet.get_by_label("Reason").fill("Joins the approvers")
    sheet.get_by_role("button", name="Propose").click()
    expect(page.locator("#messages")).to_contain_text("Nothing changes until another administrator approves it.")

    voter.expect_refusals(403, 404)
    expect(voter.go("/queue/").get_by_role("heading", level=1)).to_have_text("No access")

    page = second.go("/operations/proposals/")
    expect(page.get_by_role("link", name="Operations")).to_contain_text("1")
    page.get_by_role("link", name="Review").click()
    expect(page.locator("main")).to_contain_text("Joins the approvers")
    assert findings(page) == []
    page.get_by_role("link", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.locator("#messages")).to_contain_text("It applies from now on.")

    voter.approve(change)


def test_disabling_ends_open_pages_of_the_person_within_five_seconds_pe3(
    portal: Portal, segura: Control, sign_in: SignIn
) -> None:
    chief = sign_in("chief-one", portal.hire("chief-one", "administrator"))
    leaver = sign_in("leo", portal.hire("leo", "approver"))
    leaver.expect_refusals(403, 404)
    theirs = leaver.go("/queue/")
    page = open_person(chief, "leo")
    page.get_by_role("link", name="Disable").click()
    sheet = page.get_by_role("dialog", name="Disable the account of leo?")
    sheet.get_by_label("Reason").fill("Has left")
    sheet.get_by_role("button", name="Disable").click()
    expect(page.locator("#messages")).to_contain_text("Their sessions have ended.")
    disabled_at = time.monotonic()
    theirs.get_by_role("link", name="Approvals").first.click()
    expect(theirs.locator("[name=login]")).to_be_visible()
    assert time.monotonic() - disabled_at < 5


def test_acts_on_people_work_without_javascript(portal: Portal, segura: Control, sign_in: SignIn) -> None:
    password = portal.hire("chief-one", "administrator")
    portal.hire("nils", "requester")
    chief = sign_in("chief-one", password, java_script_enabled=False)
    page = open_person(chief, "nils")
    page.get_by_role("link", name="Take roles").click()
    section = page.locator("#take-roles")
    section.get_by_label("Requesters").check()
    section.get_by_label("Reason").fill("Moves to another team")
    section.get_by_role("button", name="Take roles").click()
    expect(page.locator("#messages")).to_contain_text("You took the selected roles from nils. This acts at once.")
    expect(page.locator("main")).to_contain_text("none: can only sign in")
