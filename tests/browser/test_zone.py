"""The browser's own clock, for who chose no time zone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]


@pytest.mark.parametrize(("scripts", "zone"), [(True, "-03"), (False, "UTC")])
def test_pages_say_the_browsers_time_from_the_second_one_on(
    scripts: bool, zone: str, portal: Portal, sign_in: Callable[..., Person]
) -> None:
    name = f"zoe{scripts}".lower()
    password = portal.hire(name, "administrator")
    somebody = sign_in(name, password, java_script_enabled=scripts, timezone_id="America/Sao_Paulo")
    page = somebody.page
    page.get_by_role("link", name="Operations").first.click()
    page.get_by_role("link", name="Connection", exact=True).click()
    expect(page.locator("main")).to_contain_text(f" {zone}")
    assert somebody.complaints == []
