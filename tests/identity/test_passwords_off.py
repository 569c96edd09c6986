"""Local passwords switched off: no route signs in with one, none confirms an act, and open sessions end."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.devserver.demo_users import ensure_demo_users
from tests.identity.stub_provider import StubProvider, begin, come_back, sign_in
from tests.people import person
from tests.segura import events
from tests.web.addresses import addresses

pytestmark = pytest.mark.django_db
PASSWORD = {"login": "local", "password": "local-correct-horse"}


@pytest.fixture
def local(stub: StubProvider, settings: Settings) -> User:
    """A local user, who could sign in until now."""
    user = person("local", Role.APPROVER)
    browser = Client()
    assert browser.post("/accounts/login/", PASSWORD).status_code == 302
    settings.PASSWORD_SIGN_IN = False
    return user


def test_sign_in_page_offers_the_provider_alone(client: Client, local: User) -> None:
    page = client.get("/accounts/login/").content.decode()
    assert "Continue with Example Identity" in page
    assert 'name="password"' not in page
    assert "local account" not in page
    assert "sign_in.js" not in page


def test_correct_password_signs_nobody_in_and_is_on_record(client: Client, local: User) -> None:
    page = client.post("/accounts/login/", PASSWORD)
    assert "_auth_user_id" not in client.session
    assert "Sign-in with a password is switched off. Continue with Example Identity." in page.content.decode()
    assert events("session.failed")[-1]["data"] == {"name": "local", "reason": "passwords switched off"}


def test_no_address_of_the_portal_signs_in(
    client: Client, local: User, stub: StubProvider, settings: Settings, tmp_path: Path
) -> None:
    """Every address gets the password under every name that a form of the portal gives it."""
    settings.PORTAL_DEMO, settings.STATE_DIR = True, tmp_path
    ensure_demo_users(tmp_path)
    data = {**PASSWORD, "username": "local", "account": "approver", "oldpassword": PASSWORD["password"]}
    data |= {"password1": "another-horse-here", "password2": "another-horse-here", "demo_confirm": "yes"}
    for address in addresses():
        numbers = dict.fromkeys(address.numbers, 1)
        client.post(address.path(**numbers), data, HTTP_HOST="127.0.0.1:8000")
        assert "_auth_user_id" not in client.session, address.name


def test_open_session_of_a_local_user_ends(client: Client, stub: StubProvider, settings: Settings) -> None:
    person("local", Role.APPROVER)
    client.post("/accounts/login/", PASSWORD)
    assert client.get("/queue/").status_code == 200
    settings.PASSWORD_SIGN_IN = False
    assert client.get("/queue/").headers["Location"].startswith("/accounts/login/")


def test_backend_itself_compares_no_password(local: User, settings: Settings) -> None:
    assert authenticate(username="local", password=PASSWORD["password"]) is None
    settings.PASSWORD_SIGN_IN = True
    assert authenticate(username="local", password=PASSWORD["password"]) == local


def test_provider_user_signs_in_and_is_offered_no_password_page(
    client: Client, local: User, stub: StubProvider
) -> None:
    sign_in(client, stub, groups=["CS Leads"])
    assert "Change password" not in client.get("/queue/").content.decode()


def test_signed_out_form_is_continued_with_the_provider(client: Client, stub: StubProvider, settings: Settings) -> None:
    """The input of a form whose session has ended travels through the sign-in at the provider."""
    settings.PASSWORD_SIGN_IN = False
    sign_in(client, stub, groups=["CS Admins"])
    page = client.get("/operations/").content.decode()
    owner = page.partition('name="owner" value="')[2].partition('"')[0]
    client.cookies.clear()
    answer = client.post("/operations/pause/", {"reason": "The gateway is replaced", "owner": owner})
    page = answer.content.decode()
    assert answer.status_code == 401
    assert 'name="password"' not in page
    carried = page.partition('name="carried" value="')[2].partition('"')[0]
    back = come_back(client, begin(client, stub, next="/accounts/form/", carried=carried))
    assert back.headers["Location"] == "/accounts/form/"
    assert "The gateway is replaced" in client.get("/accounts/form/").content.decode()
