"""The list of secrets at the sizes people use, and its search while typing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.sandbox import Control
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]


def test_list_shows_sixteen_secrets_at_1440_after_details_were_read_s1(segura: Control, sign_in: SignIn) -> None:
    person = sign_in("requester")
    for secret in (12, 21, 51):
        person.go(f"/secrets/{secret}/")
    page = person.go("/secrets/")
    rows = [row.bounding_box() for row in page.locator(".secret-rows tbody tr").all()]
    assert len([row for row in rows if row and row["y"] + row["height"] <= 900]) >= 16


def test_secret_takes_at_most_two_lines_on_a_phone_s2(segura: Control, sign_in: SignIn) -> None:
    person = sign_in("requester", viewport={"width": 390, "height": 844})
    for secret in (12, 51, 55):
        person.go(f"/secrets/{secret}/")
    page = person.go("/secrets/")
    heights = [box["height"] for row in page.locator(".secret-rows tbody tr").all() if (box := row.bounding_box())]
    assert len(heights) > 20
    assert max(heights) <= 64
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_typing_filters_without_a_button_s3(segura: Control, sign_in: SignIn) -> None:
    page = sign_in("requester").go("/secrets/")
    page.locator("#id_q").press_sequentially("stripe")
    expect(page.locator(".secret-rows tbody tr")).to_have_count(1)
    page.wait_for_url("**q=stripe**")


def test_search_button_works_without_javascript_s3(segura: Control, sign_in: SignIn) -> None:
    page = sign_in("requester", java_script_enabled=False).go("/secrets/")
    page.locator("#id_q").fill("stripe")
    page.locator("form.filters").get_by_role("button", name="Search").click()
    expect(page.locator(".secret-rows tbody tr")).to_have_count(1)


def test_chip_filters_without_a_button(segura: Control, sign_in: SignIn) -> None:
    change = sign_in("requester").propose(14, notes="open for the list")
    page = sign_in("approver").go("/secrets/")
    page.get_by_label("Read only").check()
    expect(page.locator(".secret-rows tbody tr .tag", has_text="Read only").first).to_be_visible()
    page.wait_for_url("**show=read-only**")
    page.get_by_label("With open change").check()
    link = page.locator(".secret-rows .open-change a", has_text=f"CR-{change} ")
    expect(link).to_be_visible()
    link.click()
    page.wait_for_url(f"**/changes/{change}/")
