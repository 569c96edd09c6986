"""An administrator's day: what is stuck is found and settled, delivery is paused and resumed, the connection tested."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings, look_at
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]
SignIn = Callable[..., Person]
SECRET = 22


def stuck(segura: Control, requester: Person, approver: Person, notes: str) -> int:
    """A change that needs a person: its call is lost, and somebody edits the secret in Segura meanwhile."""
    segura.plan("504_before_apply", endpoint="update", identifier=str(SECRET), times=None)
    change = requester.propose(SECRET, notes=notes)
    approver.approve(change)
    segura.wait(lambda journal: any(call["endpoint"] == "update" for call in journal["arrivals"]))
    segura.edit(SECRET, notes="somebody else's notes")
    approver.expect_status(change, "Needs an administrator")
    segura.clear_faults()
    return change


@pytest.mark.parametrize("scripts", [True, False])
def test_change_that_needs_a_person_is_settled_from_the_page_of_operations(
    scripts: bool, segura: Control, sign_in: SignIn
) -> None:
    before = next(row for row in segura.secrets() if int(row["identifier"]) == SECRET)["notes"]
    change = stuck(segura, sign_in("requester"), sign_in("approver"), f"checked again {scripts}")
    admin = sign_in("admin", java_script_enabled=scripts)
    admin.page.get_by_role("link", name="Operations").click()
    page = admin.page
    expect(page.get_by_role("region", name="Changes that need action")).to_contain_text(f"CR-{change}")
    if scripts:
        assert findings(page) == []
        page.set_viewport_size({"width": 1440, "height": 900})
    segura.edit(SECRET, notes=before)  # in Segura, by hand, as the page of the change says
    page.get_by_role("link", name=f"Check CR-{change} again").click()
    expect(page.locator("#check")).to_be_in_viewport()
    page.get_by_role("button", name="Check again").click()
    if scripts:
        admin.expect_status(change, "Applied")  # the page turns by itself
    else:
        admin.reread(change, "Applied")
    expect(page.locator("#status")).to_contain_text("200")
    page = admin.go("/operations/")
    expect(page.get_by_text("No change needs action.")).to_be_visible()


def test_change_that_cannot_be_settled_is_resolved_manually_with_a_reason(segura: Control, sign_in: SignIn) -> None:
    change = stuck(segura, sign_in("requester"), sign_in("approver"), "closed by hand")
    sent = len(segura.arrivals("update"))
    admin = sign_in("admin", java_script_enabled=False)
    page = admin.go("/operations/")
    page.get_by_role("link", name=f"Resolve CR-{change} manually").click()
    page.get_by_label("None of the proposed values: it was not applied").check()
    page.get_by_label("How do you know?").fill("Segura shows what a colleague typed at noon")
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.locator("#status .badge-status").first).to_have_text("Failed")
    expect(page.locator("body")).to_contain_text("Segura shows what a colleague typed at noon")
    expect(page.locator("body")).to_contain_text("Adam Administrator")
    assert len(segura.arrivals("update")) == sent, "nothing more was sent"


@pytest.mark.parametrize("scripts", [True, False])
def test_delivery_is_paused_and_resumed_by_hand(scripts: bool, segura: Control, sign_in: SignIn) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    admin = sign_in("admin", java_script_enabled=scripts)
    page = admin.go("/operations/")
    page.locator("a[href='#pause-delivery']").click()
    sheet = page.locator("#pause-delivery")
    sheet.get_by_label("Reason").fill("Segura is being upgraded")
    sheet.get_by_role("button", name="Pause delivery").click()
    expect(page.get_by_text("Adam Administrator paused delivery to Segura")).to_be_visible()
    change = requester.propose(18 if scripts else 25, notes=f"waits for the upgrade {scripts}")
    approver.approve(change)
    seen = requester.go(f"/changes/{change}/")
    expect(seen.get_by_text("Adam Administrator paused delivery of all changes")).to_be_visible()
    if scripts:
        assert look_at(sign_in("admin"), ["/operations/"]) == []
    page.locator("a[href='#resume-delivery']").click()
    page.locator("#resume-delivery").get_by_role("button", name="Resume delivery").click()
    expect(page.get_by_text("You have resumed delivery.")).to_be_visible()
    requester.expect_status(change, "Applied")


def test_connection_is_tested_and_every_page_is_accessible(segura: Control, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    pages = ["/operations/", "/operations/connection/", "/operations/users/", "/operations/keys/"]
    assert look_at(admin, pages) == []
    admin.page.set_viewport_size({"width": 1440, "height": 900})
    page = admin.go("/operations/connection/")
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_role("region", name="Steps of the last test").get_by_text("works", exact=True)).to_have_count(4)
    segura.plan("refuse:1006:User does not have access", endpoint="get", times=None)
    page.get_by_role("button", name="Test the connection").click()
    steps = page.get_by_role("region", name="Steps of the last test")
    expect(steps).to_contain_text("does not work")
    expect(steps).to_contain_text("its owner can change both", ignore_case=True)
    page.get_by_text("All documented errors").click()
    assert findings(page) == []
