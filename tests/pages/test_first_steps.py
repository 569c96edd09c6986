"""The first visit of each role: five steps that tick themselves off, for each person until they put them away."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right, Role
from portal.pages.first_steps import STEPS

pytestmark = pytest.mark.django_db
Open = Callable[[User], Client]
LANDINGS = {
    "requester": (Right.PROPOSE, "/"),
    "approver": (Right.DECIDE, "/queue/"),
    "auditor": (Right.AUDIT, "/audit/overview/"),
    "admin": (Right.OPERATE, "/operations/"),
}


def offered(browser: Client, address: str) -> list[str]:
    return re.findall(r'href="/first-steps/([a-z]+)/"', browser.get(address).content.decode())


def test_every_role_has_five_steps_of_its_own() -> None:
    assert set(STEPS) == set(Right)
    for steps in STEPS.values():
        assert len({step.name for step in steps}) == 5


@pytest.mark.parametrize("name", LANDINGS)
def test_each_role_is_led_through_pages_that_it_may_open(
    name: str, as_person: Open, request: pytest.FixtureRequest
) -> None:
    right, address = LANDINGS[name]
    person: User = request.getfixturevalue(name)
    browser = as_person(person)
    assert offered(browser, address) == [step.name for step in STEPS[right]]
    for number, step in enumerate(STEPS[right], 1):
        response = browser.get(f"/first-steps/{step.name}/", follow=True)
        assert response.status_code == 200
        assert response.request["PATH_INFO"] == reverse(step.view)
        page = browser.get(address).content.decode()
        assert page.count("data-taken") == (number if number < 5 else 0)
    assert offered(browser, address) == [], "all five are done"


def test_who_puts_them_away_sees_them_no_more_anywhere(requester: User, approver: User, as_person: Open) -> None:
    roles.grant(requester, Role.APPROVER)
    browser = as_person(requester)
    assert offered(browser, "/")
    assert "put away" in browser.post("/first-steps/dismiss/", follow=True).content.decode()
    for address in ("/", "/queue/"):
        assert offered(browser, address) == []
    assert offered(as_person(approver), "/queue/"), "of one person, not of all"


def test_a_step_of_another_role_is_none(requester: User, as_person: Open) -> None:
    assert as_person(requester).get("/first-steps/keys/").status_code == 404
    requester.refresh_from_db()
    assert requester.first_steps == ""
