"""The page that asks for the password once more: a new session id, a renewed sign-in, and its event."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.test import Client, RequestFactory

from portal.accounts import reauthentication
from portal.accounts.models import User
from portal.audit.models import Event
from tests.people import person, show_presence

PAGE = "/accounts/reauthenticate/"

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W07", "W09")]


@pytest.fixture
def maria(client: Client) -> User:
    """Signed in an hour ago, in `client`."""
    cache.clear()
    user = person("maria")
    client.force_login(user)
    show_presence(client, user, minutes_ago=60)
    return user


def presence_in(client: Client, user: User) -> reauthentication.RecentAuth:
    request = RequestFactory().get("/")
    request.session, request.user = client.session, user  # type: ignore[assignment]
    return reauthentication.get_recent_auth(request)


def test_password_renews_the_sign_in_under_a_new_session_id(client: Client, maria: User) -> None:
    old = client.cookies["session"].value
    assert not presence_in(client, maria).fresh
    assert client.post(PAGE, {"password": "maria-correct-horse", "next": "/"}).headers["Location"] == "/"
    assert presence_in(client, maria).fresh
    assert client.cookies["session"].value != old
    stale = Client()
    stale.cookies["session"] = old
    assert stale.get("/").headers["Location"].startswith("/accounts/login/")
    assert Event.objects.filter(action="session.reauthenticated", actor="maria").count() == 1


def test_wrong_password_renews_nothing_and_is_in_the_log(client: Client, maria: User) -> None:
    old = client.cookies["session"].value
    answer = client.post(PAGE, {"password": "a wrong canary"})
    assert answer.status_code == 200
    assert "canary" not in answer.content.decode()
    assert not presence_in(client, maria).fresh
    assert client.cookies["session"].value == old
    assert Event.objects.filter(action="session.failed", actor="maria").count() == 1


def test_signing_in_is_showing_oneself(client: Client) -> None:
    user = person("maria")
    client.post("/accounts/login/", {"login": "maria", "password": "maria-correct-horse"})
    shown = presence_in(client, user)
    assert shown.fresh
    assert shown.methods == ("password",)
    assert not Event.objects.filter(action="session.reauthenticated").exists()


def test_where_the_log_cannot_be_written_the_sign_in_is_not_renewed(
    client: Client, maria: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> int:
        raise DatabaseError("the log is full")

    monkeypatch.setattr("portal.audit.auth_events.record_event", broken)
    client.raise_request_exception = False
    assert client.post(PAGE, {"password": "maria-correct-horse"}).status_code == 500
    assert not presence_in(client, maria).fresh
    assert client.get("/accounts/logout/").status_code == 200
