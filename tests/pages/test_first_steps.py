"""The first visit of each role: five steps that are ticked off as they are done, until a person puts them away."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import resolve

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right, Role
from portal.changes.models import Change
from portal.sandbox import Sandbox
from portal.web.first_steps import STEPS
from tests.changes.paper import press
from tests.people import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
Open = Callable[[User], Client]
LANDINGS = {
    "requester": (Right.PROPOSE, "/"),
    "approver": (Right.DECIDE, "/queue/"),
    "auditor": (Right.AUDIT, "/audit/overview/"),
    "admin": (Right.OPERATE, "/operations/"),
}


def offered(browser: Client, address: str) -> list[str]:
    """Where the steps lead that the page shows."""
    page = browser.get(address).content.decode()
    shown = re.search(r'class="card first-steps".*?</section>', page, re.DOTALL)
    return re.findall(r'<a href="([^"]+)"', shown[0]) if shown else []


def taken(person: User) -> set[str]:
    person.refresh_from_db()
    return set(person.first_steps.split())


def prefer(browser: Client) -> Any:
    page = browser.get("/accounts/preferences/")
    chosen = {field.html_name: field.value() or "" for field in page.context["form"]}
    return browser.post("/accounts/preferences/", {name: value for name, value in chosen.items() if value})


def edit(browser: Client, act: str) -> Any:
    """Keep a draft, go back to the form, or propose."""
    address = "/secrets/43/propose/"
    form = browser.get(address)
    if act == "draft":
        return press(browser, address, form, act, notes="Later")
    preview = press(browser, address, form, "preview", notes="New", reason="For a first step")
    return press(browser, address, preview, act)


def test_every_role_has_five_steps_of_its_own_each_with_a_place_of_its_own() -> None:
    assert set(STEPS) == set(Right)
    for steps in STEPS.values():
        assert len({step.name for step in steps}) == 5
        assert len({step.address for step in steps}) == 5


@pytest.mark.parametrize("name", LANDINGS)
def test_following_the_links_opens_pages_and_does_nothing_more(
    name: str, as_person: Open, request: pytest.FixtureRequest
) -> None:
    right, address = LANDINGS[name]
    person: User = request.getfixturevalue(name)
    browser = as_person(person)
    assert offered(browser, address) == [step.address for step in STEPS[right]]
    for step in STEPS[right]:
        page = browser.get(step.address)
        assert page.status_code == 200
        assert resolve(page.request["PATH_INFO"]).view_name == step.view
    assert taken(person) == {step.name for step in STEPS[right] if not step.deeds}


def test_a_requester_takes_the_steps_by_doing_what_they_say(requester: User, as_person: Open, segura: Sandbox) -> None:
    mirrored(43, "GCP")
    browser = as_person(requester)
    browser.get("/secrets/?q=gcp")
    assert taken(requester) == set(), "a list is not yet a secret"
    browser.get("/secrets/43/")
    assert taken(requester) == {"find"}
    browser.get("/secrets/43/propose/")
    assert edit(browser, "draft").status_code == 302
    assert edit(browser, "back").status_code == 200
    assert taken(requester) == {"find"}, "a form that is open, or put aside, is no edit"
    assert edit(browser, "confirm").status_code == 302
    assert taken(requester) == {"find", "propose"}
    for address in ("/changes/mine/", "/risk-rules/"):
        browser.get(address)
    assert browser.get("/").content.decode().count("data-taken") == 4
    assert prefer(browser).status_code == 302
    assert offered(browser, "/") == [], "all five are done"


def test_an_approver_takes_them_by_opening_and_reading(
    approver: User, as_person: Open, submitted: Change, segura: Sandbox
) -> None:
    browser = as_person(approver)
    for address in ("/queue/?q=nothing", "/risk-rules/", "/changes/", "/secrets/"):
        browser.get(address)
    assert taken(approver) == {"risk", "all"}
    browser.get(f"/queue/?open={submitted.pk}", headers={"HX-Request": "true"})
    browser.get(f"/secrets/{submitted.secret}/")
    assert taken(approver) == {"risk", "all", "queue", "secrets"}
    assert prefer(browser).status_code == 302
    assert offered(browser, "/queue/") == []


def test_an_approver_without_scripts_opens_the_change_itself(
    approver: User, as_person: Open, submitted: Change
) -> None:
    as_person(approver).get(f"/changes/{submitted.pk}/")
    assert taken(approver) == {"queue"}


def test_an_auditor_takes_them_by_narrowing_finding_and_exporting(auditor: User, as_person: Open) -> None:
    browser = as_person(auditor)
    for address in ("/audit/overview/", "/audit/?person=&at=", "/audit/find/", "/audit/exports/", "/audit/?since=no"):
        browser.get(address)
    assert taken(auditor) == {"overview"}
    for address in ("/audit/?person=auditor", "/audit/people/auditor/"):
        assert browser.get(address).status_code == 200
    b"".join(browser.get("/audit/export.csv"))  # type: ignore[arg-type]  # it is sent as it is made
    assert taken(auditor) == {"overview", "log", "trace", "export"}
    assert prefer(browser).status_code == 302
    assert offered(browser, "/audit/overview/") == []


def test_an_administrator_takes_them_by_testing_and_looking(admin: User, as_person: Open, segura: Sandbox) -> None:
    browser = as_person(admin)
    for page in ("", "connection/", "people/", "keys/"):
        browser.get(f"/operations/{page}")
    assert taken(admin) == {"delivery", "people", "keys"}
    assert browser.post("/operations/connection/test/").status_code == 302
    assert taken(admin) == {"delivery", "people", "keys", "connection"}
    assert prefer(browser).status_code == 302
    assert offered(browser, "/operations/") == []


def test_who_puts_them_away_sees_them_no_more_anywhere(requester: User, approver: User, as_person: Open) -> None:
    roles.add_to_role(requester, Role.APPROVER)
    browser = as_person(requester)
    assert offered(browser, "/")
    assert "put away" in browser.post("/first-steps/dismiss/", follow=True).content.decode()
    for address in ("/", "/queue/", "/risk-rules/"):
        assert offered(browser, address) == []
    assert taken(requester) == {"dismissed"}
    assert offered(as_person(approver), "/queue/"), "of one person, not of all"


def test_a_step_of_another_role_is_none(requester: User, admin: User, as_person: Open) -> None:
    assert as_person(requester).get("/operations/keys/").status_code == 403
    as_person(admin).get("/risk-rules/")
    assert taken(requester) | taken(admin) == set()


@pytest.mark.django_db(transaction=True)
def test_a_page_is_shown_where_its_tick_cannot_be_written(requester: User, as_person: Open) -> None:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "accounts_user" SET "first_steps"'):
            raise OperationalError
        return execute(sql, *rest)

    browser = as_person(requester)
    with connection.execute_wrapper(refuse):
        assert browser.get("/risk-rules/").status_code == 200
    assert taken(requester) == set()
