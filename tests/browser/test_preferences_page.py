"""Preferences in Chromium: a zone by its city, the keys of this browser, and the sign-out of another device."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]
PAGE = "/accounts/preferences/"
OFFERED = "(input, typed) => [...input.list.options].map(o => o.value).filter(value => value.includes(typed))"


def test_typed_city_is_offered_as_a_zone_and_saved_pf1(portal: Portal, sign_in: Callable[..., Person]) -> None:
    person = sign_in("zora", portal.hire("zora", "requester"))
    page = person.go(PAGE)
    zone = page.get_by_label("Time zone of pages and mails")
    assert zone.evaluate(OFFERED, "Lisbon") == ["Europe/Lisbon"]
    assert zone.evaluate(OFFERED, "US/Pacific") == []
    zone.fill("Lisbon")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#messages")).to_contain_text("Your preferences were saved.")
    expect(zone).to_have_value("Europe/Lisbon")
    expect(page.locator(".wishes select").first).to_be_disabled()


def test_signing_out_another_device_ends_its_open_page_pf3(portal: Portal, sign_in: Callable[..., Person]) -> None:
    password = portal.hire("dora", "requester")
    here, there = sign_in("dora", password), sign_in("dora", password)
    there.go("/help/")
    page = here.go(PAGE)
    devices = page.locator(".devices > li")
    expect(devices).to_have_count(2)
    expect(devices.first).to_contain_text("This device")
    devices.nth(1).get_by_role("button", name=re.compile("Sign out")).click()
    expect(page.locator("#messages")).to_contain_text("The device was signed out.")
    expect(devices).to_have_count(1)
    there.page.get_by_role("link", name="Home").first.click()
    expect(there.page.locator("[name=login]")).to_be_visible()


def test_shortcuts_that_are_switched_off_stay_off_in_the_queue(sign_in: Callable[..., Person]) -> None:
    approver = sign_in("approver")
    approver.go(PAGE).get_by_label("Enable shortcuts").uncheck()
    page = approver.go("/queue/")
    page.keyboard.press("?")
    expect(page.locator("#keys")).not_to_be_visible()
    approver.go(PAGE).get_by_label("Enable shortcuts").check()
    approver.go("/queue/").keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
