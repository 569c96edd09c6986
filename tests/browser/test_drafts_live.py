"""The form of a proposal keeps what is typed, and its buttons stay in sight."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.sandbox import Control
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SECRET = 35


def test_review_changes_is_visible_on_a_phone_without_scrolling_p1(
    segura: Control, sign_in: Callable[..., Person]
) -> None:
    person = sign_in("requester", viewport={"width": 390, "height": 844})
    page = person.go(f"/secrets/{SECRET}/propose/")
    expect(page.get_by_role("button", name="Review changes").last).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_leaving_with_an_edit_asks_and_returning_restores_it_p5(
    segura: Control, sign_in: Callable[..., Person]
) -> None:
    person = sign_in("requester")
    page = person.go(f"/secrets/{SECRET}/propose/")
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    page.get_by_label("Notes").click()
    page.keyboard.type("Half a sentence")
    page.get_by_role("link", name="Secrets").first.click()
    page.wait_for_url("**/secrets/")
    assert asked == ["beforeunload"]
    page = person.go(f"/secrets/{SECRET}/propose/")
    expect(page.get_by_label("Notes")).to_have_value(re.compile("Half a sentence"))
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Draft deleted.")).to_be_visible()
