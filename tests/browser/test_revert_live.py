"""A change that was applied is reverted in the browser, by a proposal that another person approves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.sandbox import Control
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]


def test_applied_edit_is_reverted_by_a_change_with_its_own_approval(segura: Control, sign_in: SignIn) -> None:
    requester, approver = sign_in("requester"), sign_in("approver")
    number = requester.propose(25, notes="Notes that break the nightly run")
    approver.approve(number)
    requester.expect_status(number, "Applied")
    segura.edit(25, tags="Set by another hand")

    page = requester.go(f"/changes/{number}/")
    page.locator("#revert").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    shown = page.locator(".edit-field:visible")
    expect(shown).to_have_count(1)
    expect(page.locator("[name=notes]")).not_to_have_value("Notes that break the nightly run")
    page.get_by_label("Reason").fill("The nightly run needs the earlier notes")
    requester.preview()
    revert = requester.submit()
    expect(page.locator("h1")).to_contain_text(f"Revert CR-{number}: Notes")
    expect(page.locator("#reverts")).to_contain_text(f"Proposed as a revert of CR-{number}")

    approver.approve(revert)
    requester.expect_status(revert, "Applied")
    page = requester.go(f"/changes/{number}/")
    expect(page.get_by_role("link", name=f"CR-{revert}", exact=True)).to_be_visible()
