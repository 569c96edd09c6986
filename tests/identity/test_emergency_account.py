"""Emergency account: the one local account that still signs in where passwords are off, seen by all administrators."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.test import Client
from pytest_django import Settings

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.notifications import dispatch
from portal.notifications.models import Notification
from tests.identity.stub_provider import StubProvider
from tests.people import person
from tests.segura import events

pytestmark = pytest.mark.django_db
PASSWORD = {"login": "Rescue", "password": "rescue-correct-horse"}


@pytest.fixture
def rescue(stub: StubProvider, settings: Settings) -> User:
    user = person("rescue", Role.ADMINISTRATOR)
    settings.PASSWORD_SIGN_IN, settings.EMERGENCY_ACCOUNT = False, "rescue"
    return user


def test_emergency_account_signs_in_and_every_use_is_an_event_and_told_to_all_administrators(
    client: Client, rescue: User
) -> None:
    person("chief", Role.ADMINISTRATOR)
    person("second", Role.ADMINISTRATOR)
    person("vera", Role.APPROVER)
    for _time in range(2):
        assert client.post("/accounts/login/", PASSWORD).status_code == 302
        assert client.get("/operations/").status_code == 200
        client.post("/accounts/logout/")
    assert [event["actor"] for event in events("account.emergency_used")] == ["rescue", "rescue"]
    dispatch.dispatch_events()
    told = Notification.objects.filter(kind="emergency").values_list("recipient__username", flat=True)
    assert sorted(told) == ["chief", "chief", "second", "second"]


def test_no_other_local_account_signs_in(client: Client, rescue: User) -> None:
    person("local", Role.APPROVER)
    page = client.post("/accounts/login/", {"login": "local", "password": "local-correct-horse"})
    assert "Sign-in with a password is switched off. Continue with Example Identity." in page.content.decode()
    assert authenticate(username="local", password="local-correct-horse") is None
    assert "_auth_user_id" not in client.session


def test_wrong_password_of_the_emergency_account_is_refused_and_on_record(client: Client, rescue: User) -> None:
    client.post("/accounts/login/", {**PASSWORD, "password": "wrong"})
    assert "_auth_user_id" not in client.session
    assert events("session.failed")[-1]["data"]["name"] == "rescue"
    assert events("account.emergency_used") == []


def test_sign_in_page_names_the_emergency_account_only_where_there_is_one(
    client: Client, rescue: User, settings: Settings
) -> None:
    page = client.get("/accounts/login/").content.decode()
    assert page.index("Continue with Example Identity") < page.index("Or with the emergency account")
    settings.EMERGENCY_ACCOUNT = ""
    page = client.get("/accounts/login/").content.decode()
    assert "emergency account" not in page
    assert 'name="password"' not in page


def test_session_of_the_emergency_account_ends_with_the_setting(
    client: Client, rescue: User, settings: Settings
) -> None:
    client.post("/accounts/login/", PASSWORD)
    settings.EMERGENCY_ACCOUNT = ""
    assert client.get("/operations/").headers["Location"].startswith("/accounts/login/")


def test_emergency_account_confirms_an_act_with_its_password(client: Client, rescue: User) -> None:
    client.post("/accounts/login/", PASSWORD)
    session = client.session
    session["account_authentication_methods"][0]["at"] -= 3600
    session.save()
    reason = {"reason": "The gateway is replaced"}
    assert client.post("/operations/pause/", reason).status_code == 422
    assert client.post("/operations/pause/", {**reason, "password": PASSWORD["password"]}).status_code == 302


def test_sign_in_where_passwords_are_on_is_no_use_of_an_emergency_account(client: Client) -> None:
    person("local", Role.APPROVER)
    client.post("/accounts/login/", {"login": "local", "password": "local-correct-horse"})
    assert events("account.emergency_used") == []
