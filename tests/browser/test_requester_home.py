"""The start page of a requester at the sizes people use."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import FloatRect, Locator, expect

from portal.sandbox import Control
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]


def boxes(rows: Locator) -> list[FloatRect]:
    """Where each of the visible elements is."""
    return [found for row in rows.all() if (found := row.bounding_box())]


@pytest.fixture
def ten_changes(segura: Control, sign_in: SignIn) -> Person:
    person = sign_in("requester")
    for secret in (12, 14, 15, 17, 18, 21, 22, 25, 26, 29):
        person.propose(secret, notes=f"Ten of them, for secret {secret}")
    return person


def test_home_shows_ten_rows_at_1440_and_low_rows_on_a_phone_h3_h4(ten_changes: Person) -> None:
    page = ten_changes.go("/")
    rows = page.locator(".work-rows li")
    assert len([row for row in boxes(rows) if row["y"] + row["height"] <= 900]) >= 10
    page.set_viewport_size({"width": 390, "height": 844})
    assert max(row["height"] for row in boxes(rows)) <= 112
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_filters_are_one_button_on_a_phone_ac2(segura: Control, sign_in: SignIn) -> None:
    page = sign_in("requester").go("/changes/mine/")
    status = page.get_by_label("Status", exact=True)
    expect(status).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(status).to_be_hidden()
    page.locator("summary", has_text="Filters").click()
    expect(status).to_be_visible()
