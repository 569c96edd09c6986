"""Signing in and out and running into closed doors: each leaves its event, and none leaves a password."""

from __future__ import annotations

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.entry import Entry
from portal.audit.ledger import record_event
from portal.audit.models import Event
from tests.people import person

LOGIN = "/accounts/login/"


def sign_in(client: Client, name: str, password: str) -> None:
    client.post(LOGIN, {"login": name, "password": password}, REMOTE_ADDR="10.1.2.3")


def newest(action: str) -> Entry:
    event = Event.objects.first()
    assert event is not None
    assert event.entry is not None
    assert event.entry.action == event.action == action
    return event.entry


@pytest.mark.django_db
def test_signing_in_and_out_is_on_record_with_name_and_address(client: Client) -> None:
    person("maria")
    sign_in(client, "maria", "maria-correct-horse")
    read = newest("session.started")
    assert (read.actor, read.address) == ("maria", "10.1.2.3")
    client.post("/accounts/logout/", REMOTE_ADDR="10.1.2.3")
    assert newest("session.ended").actor == "maria"
    assert Event.objects.count() == 2


@pytest.mark.django_db
def test_a_wrong_password_is_on_record_under_the_known_name(client: Client) -> None:
    person("maria")
    sign_in(client, "MARIA", "hunter2-canary")
    read = newest("session.failed")
    assert (read.actor, read.address) == ("maria", "10.1.2.3")
    assert read.data == {"name": "maria", "reason": "wrong name or password"}


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["hunter2-canary", "canary\u202e", "canary" * 25])
def test_what_is_typed_for_a_name_nobody_has_stays_out_of_the_log(client: Client, typed: str) -> None:
    sign_in(client, typed, "canary-of-a-password")
    read = newest("session.failed")
    assert (read.actor, read.data["name"]) == ("", "unknown name")
    assert not Event.objects.filter(text__contains="canary").exists()


@pytest.mark.django_db
def test_a_disabled_person_is_refused_on_record(client: Client) -> None:
    person("maria")
    User.objects.update(is_active=False)
    sign_in(client, "maria", "maria-correct-horse")
    assert newest("session.failed").actor == "maria"


@pytest.mark.django_db
def test_a_demo_account_outside_the_demo_is_refused_on_record(client: Client, settings: Settings) -> None:
    settings.PORTAL_DEMO = False
    person("demo")
    User.objects.update(is_demo=True)
    sign_in(client, "demo", "demo-correct-horse")
    assert newest("session.failed").actor == "demo"
    assert SESSION_KEY not in client.session


@pytest.mark.django_db
def test_a_lock_out_is_on_record(client: Client) -> None:
    person("maria")
    for _ in range(6):
        sign_in(client, "maria", "a wrong guess")
    assert newest("session.failed").data == {"name": "maria", "reason": "too many attempts"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unwritable_log")
def test_nobody_gets_in_while_the_log_cannot_be_written(client: Client) -> None:
    person("maria")
    with pytest.raises(DatabaseError):
        sign_in(client, "maria", "maria-correct-horse")
    client.raise_request_exception = False
    assert client.post(LOGIN, {"login": "maria", "password": "maria-correct-horse"}).status_code == 500
    assert SESSION_KEY not in client.session
    assert client.get("/audit/").status_code == 302


@pytest.mark.django_db
def test_a_refused_page_is_on_record_with_its_rule(client: Client) -> None:
    client.force_login(person("maria", Role.REQUESTER))
    assert client.get("/audit/?secret=43", REMOTE_ADDR="10.1.2.3").status_code == 403
    read = newest("access.denied")
    assert (read.actor, read.address) == ("maria", "10.1.2.3")
    assert read.data["path"] == "/audit/"
    assert (read.data["rule"], read.data["rights"]) == ("RightMissing", ["audit"])


@pytest.mark.django_db
def test_a_forged_form_is_on_record() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("maria"))
    assert client.post("/accounts/logout/").status_code == 403
    assert newest("access.denied").data["rule"] == "InvalidToken"


@pytest.mark.django_db
def test_strangers_do_not_fill_the_log() -> None:
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post(LOGIN, {"login": "x"}).status_code == 403
    assert stranger.get("/audit/").status_code == 302
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_the_address_is_forgotten_after_the_request(client: Client) -> None:
    person("maria")
    sign_in(client, "maria", "maria-correct-horse")
    record_event("catalog.synced")
    assert newest("catalog.synced").address == ""


def change_password(client: Client, new: str) -> None:
    form = {"oldpassword": "maria-correct-horse", "password1": new, "password2": new}
    client.post("/accounts/password/change/", form, REMOTE_ADDR="10.1.2.3")


@pytest.mark.django_db
def test_a_changed_password_is_on_record_without_the_password(client: Client) -> None:
    client.force_login(person("maria"))
    change_password(client, "canary-of-a-new-password")
    read = newest("account.password_changed")
    assert (read.actor, read.address, read.data) == ("maria", "10.1.2.3", {"person": "maria"})
    assert not Event.objects.filter(text__contains="canary").exists()


@pytest.mark.django_db(transaction=True)
def test_no_password_changes_while_the_log_cannot_be_written(client: Client, request: pytest.FixtureRequest) -> None:
    client.force_login(person("maria"))
    request.getfixturevalue("unwritable_log")
    with pytest.raises(DatabaseError):
        change_password(client, "a-long-new-passphrase")
    assert User.objects.get(username="maria").check_password("maria-correct-horse")
