"""Preferences: one zone by the name of a city, and no control for mail where no mail can be sent."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from portal.accounts.models import User
from portal.notifications.forms import PreferencesForm
from portal.notifications.models import Preference
from portal.web.time_zones import find_time_zones, list_time_zones
from tests.notifications.test_inbox import chosen

pytestmark = pytest.mark.django_db
AsPerson = Callable[..., Client]
PAGE = "/accounts/preferences/"


def test_typing_a_city_finds_its_zone_and_no_alias_is_offered_pf1(approver: User, as_person: AsPerson) -> None:
    browser = as_person(approver)
    page = browser.get(PAGE).content.decode()
    assert re.search(r'<option value="Europe/Lisbon">UTC\+0[01]:00</option>', page)
    assert "US/Pacific" not in page
    assert len(list_time_zones()) < 450
    assert browser.post(PAGE, chosen(time_zone="Lisbon")).status_code == 302
    approver.refresh_from_db()
    assert approver.time_zone == "Europe/Lisbon"
    refused = browser.post(PAGE, chosen(time_zone="US/Pacific"))
    assert refused.status_code == 422
    assert "No time zone matches" in refused.content.decode()
    assert 'value="US/Pacific"' in refused.content.decode()
    approver.refresh_from_db()
    assert approver.time_zone == "Europe/Lisbon"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("são paulo", ["America/Sao_Paulo"]),
        ("Sao_Paulo", ["America/Sao_Paulo"]),
        ("EUROPE/STOCKHOLM", ["Europe/Stockholm"]),
        ("new_y", ["America/New_York"]),
        ("Mars/Olympus", []),
    ],
)
def test_zone_is_found_by_any_spelling(typed: str, found: list[str]) -> None:
    assert find_time_zones(typed) == found


def test_text_that_several_zones_match_is_refused_with_their_names(approver: User) -> None:
    form = PreferencesForm(None, person=approver)
    form = PreferencesForm(form.data | chosen(time_zone="Indiana"), person=approver)
    assert not form.is_valid()
    assert "America/Indiana/Indianapolis" in form.errors["time_zone"][0]


def test_zone_of_an_account_stays_chosen_and_can_be_taken_back(approver: User, as_person: AsPerson) -> None:
    User.objects.filter(pk=approver.pk).update(time_zone="America/Sao_Paulo")
    browser = as_person(approver)
    assert 'value="America/Sao Paulo"' in browser.get(PAGE).content.decode()
    browser.post(PAGE, chosen(time_zone="America/Sao Paulo"))
    approver.refresh_from_db()
    assert approver.time_zone == "America/Sao_Paulo"
    browser.post(PAGE, chosen())
    approver.refresh_from_db()
    assert approver.time_zone == ""


@pytest.mark.parametrize(
    ("server", "address", "reason"),
    [("", "a@example.com", "has no mail server"), ("mail.invalid", "", "has no email address")],
)
def test_without_a_mail_server_every_mail_control_is_disabled_pf2(
    server: str, address: str, reason: str, settings: Settings, approver: User, as_person: AsPerson
) -> None:
    settings.EMAIL_HOST = server
    User.objects.filter(pk=approver.pk).update(email=address)
    browser = as_person(approver)
    page = browser.get(PAGE).content.decode()
    controls = re.findall(r'<select name="[a-z]+-mail"[^>]*>', page)
    assert len(controls) > 5
    assert all(" disabled" in control and 'aria-describedby="mail-obstacle"' in control for control in controls)
    assert reason in page
    Preference.objects.create(person=approver, kind="voided", portal=True, mail="daily")
    assert browser.post(PAGE, chosen(voided_mail="never")).status_code == 302
    assert Preference.objects.get(person=approver, kind="voided").mail == "daily", "what is disabled changes nothing"


def test_with_a_mail_server_every_mail_control_can_be_chosen(
    settings: Settings, approver: User, as_person: AsPerson
) -> None:
    settings.EMAIL_HOST = "mail.invalid"
    User.objects.filter(pk=approver.pk).update(email="a@example.com")
    page = as_person(approver).get(PAGE).content.decode()
    assert not any(" disabled" in control for control in re.findall(r"<select [^>]*>", page))


def test_types_are_in_groups_and_each_is_in_one(approver: User, admin: User) -> None:
    for person, titles in ((approver, ["Reviews", "Comments"]), (admin, ["Comments", "Delivery", "People"])):
        form = PreferencesForm(None, person=person)
        groups = form.groups()
        assert [str(group["title"]) for group in groups] == titles
        assert sorted(row["mail"].name for group in groups for row in group["rows"]) == sorted(
            f"{name}-mail" for name in form.kinds
        )
