"""`make run OIDC=demo`: an OpenID provider beside the portal, whose people sign in with the roles of their groups."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from portal.accounts.roles import Role
from portal.devserver import demo_provider, demo_users
from tests.rig.portal import Portal


def test_provider_has_a_user_for_each_role_and_none_of_a_demo_account(tmp_path: Path) -> None:
    assert [role for _name, role in demo_provider.PEOPLE.values()] == [role.name.lower() for role in Role]
    assert demo_provider.PEOPLE.keys().isdisjoint(demo_users.PEOPLE)


def test_next_start_keeps_secret_people_and_issuer(tmp_path: Path) -> None:
    first = demo_provider.prepare_provider(tmp_path, 8000)
    people = first.folder / "people.json"
    people.write_text(people.read_text(encoding="utf-8").replace("Alba", "Alda"), encoding="utf-8")
    assert demo_provider.prepare_provider(tmp_path, 8000) == first
    assert first.issuer == "http://127.0.0.1:8001"
    assert "Alda" in people.read_text(encoding="utf-8")
    assert people.stat().st_mode & 0o077 == 0


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.xdist_group("identity")
def test_user_of_the_demo_provider_signs_in(tmp_path: Path, browser: Browser) -> None:
    with Portal(tmp_path, {"OIDC": "demo"}) as portal:
        assert re.search(r"Continue with Example Identity:  rosa, alba, aldo, adele; password \w+", portal.printed())
        known = json.loads((portal.state / "openid" / "provider.json").read_text(encoding="utf-8"))
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(portal.url)
            page.get_by_role("button", name="Continue with Example Identity").click()
            page.locator("[name=login]").fill("alba")
            page.locator("[name=password]").fill(known["password"])
            page.get_by_role("button", name="Sign in").click()
            expect(page).to_have_url(f"{portal.url}/queue/")
