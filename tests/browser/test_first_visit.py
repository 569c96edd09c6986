"""A requester's first day: from signing in to Segura's answer, led by nothing but what the pages say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.sandbox import Control
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]


@pytest.mark.parametrize("scripts", [True, False])
def test_first_proposal_needs_no_help_from_outside_the_page(
    scripts: bool, portal: Portal, segura: Control, sign_in: Callable[..., Person]
) -> None:
    """No address is typed, and no page leads out of the portal: what is not said here cannot be known."""
    name = "nadia" if scripts else "nuno"
    newcomer = sign_in(name, portal.hire(name, "requester"), java_script_enabled=scripts)
    page, outside = newcomer.page, newcomer.page.locator("a[href*='//'], a[target=_blank]")
    page.get_by_role("link", name="New change").click()
    page.locator("#id_q").fill("maps")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="maps-geocoding").click()
    page.get_by_role("link", name="Propose a change").click()
    expect(page.get_by_text("Only fields you edit are sent")).to_be_visible()
    page.get_by_label("Notes").fill(f"Restricted to the shop, says {name}.")
    page.get_by_role("button", name="Review changes").last.click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("Enter a reason. Approvers and auditors")
    newcomer.complaints.clear()  # the refusal is a line in the console
    expect(outside).to_have_count(0)
    page.get_by_label("Reason").fill("The key was found in an app")
    newcomer.preview()
    expect(page.locator(".next-steps li").first).to_have_text(
        "Someone else reviews this difference and approves or rejects it."
    )
    expect(outside).to_have_count(0)
    change = newcomer.submit()
    standing = page.locator("#status")
    expect(standing).to_contain_text("Needs 1 more approval from someone who neither proposed nor edited it.")
    expect(standing).to_contain_text("It expires at")
    page.get_by_role("link", name="Home").click()
    row = page.locator(".work-rows li", has_text=f"CR-{change}")
    expect(row).to_contain_text("Approver")
    expect(row).to_contain_text("1 more approval needed")
    row.get_by_role("link").click()

    sign_in("approver").approve(change)
    if scripts:
        newcomer.expect_status(change, "Applied")  # the page turns by itself
    else:
        newcomer.reread(change, "Applied")
    expect(standing).to_contain_text("Segura confirmed the change")
    expect(standing).to_contain_text("200")
    expect(outside).to_have_count(0)
    assert [call["keys"] for call in segura.arrivals("update")] == [["notes"]]
