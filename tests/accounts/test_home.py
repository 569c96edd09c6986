"""Where people land, and which ways the navigation shows them."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.roles import Role
from tests.people import person

R, A, U, O = Role.REQUESTER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR  # noqa: E741


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("granted", "landing"),
    [
        ([R], "changes:mine"),
        ([A], "changes:queue"),
        ([U], "audit:overview"),
        ([O], "changes:all"),
        ([R, A], "changes:queue"),
        ([R, A, U, O], "changes:queue"),
        ([U, O], "audit:overview"),
    ],
)
def test_person_lands_where_their_work_waits(client: Client, granted: list[Role], landing: str) -> None:
    client.force_login(person("maria", *granted))
    response = client.get("/")
    assert response.headers["Location"] == reverse(landing)
    assert client.get(response.headers["Location"]).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("granted", "views"),
    [
        ([R], ["changes:mine", "catalog:secrets", "notices:inbox"]),
        ([A], ["changes:queue", "catalog:secrets", "changes:all", "notices:inbox"]),
        ([U], ["changes:all", "audit:overview", "audit:events", "notices:inbox"]),
        ([O], ["catalog:secrets", "changes:all", "notices:inbox"]),
        ([], []),
    ],
)
def test_navigation_shows_only_what_opens(client: Client, granted: list[Role], views: list[str]) -> None:
    client.force_login(person("maria", *granted))
    page = client.get("/accounts/password/change/").content.decode()
    navigation = page.split("<nav", 2)[1].split("</nav>")[0]
    links = re.findall(r'<a href="([^"]+)"', navigation)
    assert links == [reverse(view) for view in views]
    for link in links:
        assert client.get(link).status_code == 200


@pytest.mark.django_db
def test_person_without_a_right_reads_whom_to_ask(client: Client) -> None:
    helper = person("helper", O)
    helper.first_name, helper.last_name = "Hanna", "Lindt"
    helper.save()
    client.force_login(person("maria"))
    page = client.get("/").content.decode()
    assert "have no right yet" in page
    assert "Hanna Lindt" in page


@pytest.mark.django_db
def test_signed_out_person_is_led_to_sign_in(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/accounts/login/?next=/"
