"""Sign-in and confirmation of the demo accounts without a password: in the demo alone, and from this host alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.devserver.demo_users import PEOPLE, ensure_demo_users
from tests.segura import events

pytestmark = pytest.mark.django_db
ADDRESS = "/demo/sign-in/"
LOCAL = {"HTTP_HOST": "127.0.0.1:8000"}


@pytest.fixture(autouse=True)
def demo(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """The demo is on, and its accounts exist; their passwords by name."""
    settings.PORTAL_DEMO = True
    settings.STATE_DIR = tmp_path
    return ensure_demo_users(tmp_path)


def signed_in(browser: Client) -> str:
    key = browser.session.get("_auth_user_id")
    return User.objects.get(pk=key).username if key else ""


@pytest.mark.parametrize(
    ("account", "home"),
    [("requester", "/"), ("approver", "/queue/"), ("auditor", "/audit/overview/"), ("admin", "/operations/")],
)
def test_one_click_leads_to_the_home_of_the_role_si4(client: Client, account: str, home: str) -> None:
    page = client.get("/accounts/login/", **LOCAL)
    assert f'value="{account}"' in page.content.decode()
    answer = client.post(ADDRESS, {"account": account}, follow=True, **LOCAL)
    assert answer.request["PATH_INFO"] == home
    assert signed_in(client) == account


def test_without_the_demo_the_buttons_are_absent_and_their_address_answers_404_si4(
    client: Client, settings: Settings
) -> None:
    settings.PORTAL_DEMO = False
    assert "Try the demo" not in client.get("/accounts/login/", **LOCAL).content.decode()
    assert client.post(ADDRESS, {"account": "approver"}, **LOCAL).status_code == 404
    assert signed_in(client) == ""


@pytest.mark.parametrize(
    "beyond",
    [
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_X_FORWARDED_PROTO": "http"},
        {"HTTP_X_FORWARDED_HOST": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_X_REAL_IP": "127.0.0.1"},
        {"HTTP_VIA": "1.1 proxy"},
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": ""},
        {"HTTP_HOST": "portal.example"},
        {"HTTP_HOST": "127.0.0.1.portal.example"},
    ],
    ids=str,
)
def test_request_from_beyond_this_host_is_refused(client: Client, settings: Settings, beyond: dict[str, str]) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert client.post(ADDRESS, {"account": "approver"}, **{**LOCAL, **beyond}).status_code == 404
    assert "Try the demo" not in client.get("/accounts/login/", **{**LOCAL, **beyond}).content.decode()
    assert signed_in(client) == ""


@pytest.mark.parametrize(("name", "value"), [("BASE_URL", "https://portal.example"), ("TRUSTED_PROXIES", 1)])
def test_installation_that_others_can_reach_offers_no_demo(
    client: Client, settings: Settings, name: str, value: object
) -> None:
    setattr(settings, name, value)
    assert client.post(ADDRESS, {"account": "approver"}, **LOCAL).status_code == 404


def test_sign_in_takes_a_post_with_a_csrf_token(client: Client) -> None:
    assert client.get(ADDRESS, **LOCAL).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(ADDRESS, {"account": "approver"}, **LOCAL).status_code == 403
    assert signed_in(strict) == ""


def test_only_the_six_demo_accounts_can_be_chosen(client: Client) -> None:
    User.objects.create_user("maria", password="correct-horse")
    User.objects.filter(username="auditor").update(is_demo=False)
    User.objects.filter(username="admin").update(is_active=False)
    for name in ("maria", "auditor", "admin", ""):
        assert client.post(ADDRESS, {"account": name}, **LOCAL).status_code == 404
    assert signed_in(client) == ""


def test_log_names_the_method_demo_and_never_password(client: Client) -> None:
    client.post(ADDRESS, {"account": "approver"}, **LOCAL)
    (started,) = events("session.started")
    assert started["data"] == {"signed_in_with": ["demo"]}
    client.post(ADDRESS, {"account": "auditor"}, **LOCAL)
    assert signed_in(client) == "auditor"
    assert [event["actor"] for event in events("session.ended")] == ["approver"]
    assert events("session.started")[-1]["data"] == {"signed_in_with": ["demo"]}


def test_password_sign_in_is_logged_as_password(client: Client, demo: dict[str, str]) -> None:
    client.post("/accounts/login/", {"login": "approver", "password": demo["approver"]}, **LOCAL)
    assert events("session.started")[-1]["data"] == {"signed_in_with": ["password"]}


def test_account_menu_switches_to_every_other_account(client: Client) -> None:
    client.post(ADDRESS, {"account": "requester"}, **LOCAL)
    page = client.get("/", **LOCAL).content.decode()
    assert set(re.findall(r'name="account"\s+value="(\w+)"', page)) == PEOPLE.keys() - {"requester"}


def test_page_that_was_asked_for_is_shown_after_the_sign_in(client: Client) -> None:
    assert client.post(ADDRESS, {"account": "auditor", "next": "/audit/"}, **LOCAL)["Location"] == "/audit/"
    assert client.post(ADDRESS, {"account": "auditor", "next": "//evil.example/"}, **LOCAL)["Location"] == "/"


def make_stale(browser: Client) -> None:
    session = browser.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 2 * django_settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    session.save()


def test_old_sign_in_is_confirmed_by_a_box_and_logged_as_demo(client: Client) -> None:
    client.post(ADDRESS, {"account": "admin"}, **LOCAL)
    make_stale(client)
    assert "Confirm as Adam Administrator (demo)" in client.get("/operations/", **LOCAL).content.decode()
    pause = {"reason": "Upgrade of Segura"}
    assert client.post("/operations/pause/", pause, **LOCAL).status_code == 422
    assert client.post("/operations/pause/", {**pause, "demo_confirm": "yes"}, **LOCAL).status_code == 302
    (confirmed,) = events("session.reauthenticated")
    assert (confirmed["actor"], confirmed["data"]["signed_in_with"]) == ("admin", ["demo"])


def test_box_confirms_nothing_for_a_real_account_and_beyond_this_host(client: Client, settings: Settings) -> None:
    client.post(ADDRESS, {"account": "admin"}, **LOCAL)
    make_stale(client)
    pause = {"reason": "Upgrade of Segura", "demo_confirm": "yes"}
    assert client.post("/operations/pause/", pause, **LOCAL, HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 422
    User.objects.filter(username="admin").update(is_demo=False)
    assert client.post("/operations/pause/", pause, **LOCAL).status_code == 422
    assert events("session.reauthenticated") == []


def test_every_page_is_marked_as_demo_data(client: Client) -> None:
    for path in ("/accounts/login/", "/nothing-there/"):
        assert "Demo data" in client.get(path, **LOCAL).content.decode()
    client.post(ADDRESS, {"account": "auditor"}, **LOCAL)
    for path in ("/audit/", "/audit/overview/", "/queue/"):
        assert "Demo data" in client.get(path, **LOCAL).content.decode()
