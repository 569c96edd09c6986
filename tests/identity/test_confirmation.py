"""Confirmation of a signed-in user: as old as the provider says, by the same person, and asked for by the portal."""

from __future__ import annotations

import time

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from portal.accounts import reauthentication
from portal.accounts.models import User
from tests.identity.stub_provider import StubProvider, come_back, sent_to_provider, sign_in
from tests.people import person
from tests.segura import events

pytestmark = pytest.mark.django_db
LEADS = {"groups": ["CS Leads"]}


def recent_auth(client: Client) -> reauthentication.RecentAuth:
    request = RequestFactory().get("/")
    request.session, request.user = client.session, User.objects.get(username="maria")  # type: ignore[assignment]
    return reauthentication.get_recent_auth(request)


def confirm(client: Client, stub: StubProvider, **claims: object) -> HttpResponse:
    stub.claims = {**LEADS, **claims}
    return come_back(client, sent_to_provider(client.post("/identity/confirm/"), stub))


@pytest.mark.parametrize(("seconds_ago", "fresh"), [(0, True), (290, True), (310, False), (36_000, False)])
def test_sign_in_is_as_recent_as_the_provider_says(
    client: Client, stub: StubProvider, seconds_ago: int, fresh: bool
) -> None:
    sign_in(client, stub, **LEADS, auth_time=int(time.time()) - seconds_ago)
    assert recent_auth(client).fresh is fresh
    assert recent_auth(client).methods == ("openid_connect",)


@pytest.mark.parametrize("auth_time", [None, "now", True, 0])
def test_sign_in_without_a_time_is_not_recent(client: Client, stub: StubProvider, auth_time: object) -> None:
    sign_in(client, stub, **LEADS, auth_time=auth_time)
    if "_auth_user_id" in client.session:
        assert not recent_auth(client).fresh
        assert recent_auth(client).shown_at is None


def test_confirmation_asks_the_provider_to_authenticate_again(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS)
    sent = sent_to_provider(client.post("/identity/confirm/", {"prompt": "none", "max_age": "9999"}), stub)
    assert (sent["prompt"], sent["max_age"]) == ("login", "0")


def test_confirmation_makes_the_sign_in_recent_under_a_new_session_id(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS, auth_time=1)
    old = client.cookies["session"].value
    answer = confirm(client, stub)
    assert answer.headers["Location"] == "/identity/confirmed/"
    assert "You are confirmed" in client.get("/identity/confirmed/").content.decode()
    assert recent_auth(client).fresh
    assert client.cookies["session"].value != old
    assert events("session.reauthenticated")[-1]["actor"] == "maria"


def require_not_confirmed(client: Client, answer: HttpResponse, code: str, sentence: str) -> None:
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "You were not confirmed" in page
    assert sentence in page
    assert not recent_auth(client).fresh
    assert events("session.failed")[-1]["data"] == {"name": "maria", "reason": code}


@pytest.mark.parametrize("seconds_from_now", [None, -1_000_000_000, -3600, 3600])
def test_provider_that_did_not_ask_again_confirms_nothing(
    client: Client, stub: StubProvider, seconds_from_now: int | None
) -> None:
    auth_time = None if seconds_from_now is None else int(time.time()) + seconds_from_now
    sign_in(client, stub, **LEADS, auth_time=1)
    sentence = "Example Identity did not ask you to authenticate again, so this is no confirmation."
    require_not_confirmed(client, confirm(client, stub, auth_time=auth_time), "not_asked_again", sentence)


def test_another_person_at_the_provider_confirms_nothing(client: Client, stub: StubProvider) -> None:
    sign_in(Client(), stub, **LEADS, sub="u-2", preferred_username="jose")
    sign_in(client, stub, **LEADS, auth_time=1)
    sentence = "You confirmed as another user of Example Identity than the one who is signed in to Countersign."
    for subject in ("u-2", "u-3"):
        require_not_confirmed(client, confirm(client, stub, sub=subject), "other_user", sentence)


def test_local_user_is_not_confirmed_by_a_provider_account(client: Client, stub: StubProvider) -> None:
    client.force_login(person("local"))
    assert confirm(client, stub).status_code == 403
    assert events("session.failed")[-1]["data"] == {"name": "local", "reason": "other_user"}


def test_plain_sign_in_is_no_confirmation(client: Client, stub: StubProvider) -> None:
    """A callback counts for what its state was made for, whatever else was started in the browser since."""
    sign_in(client, stub, **LEADS, auth_time=1)
    stub.claims = {**LEADS, "auth_time": 1}
    plain = sent_to_provider(client.post("/identity/sign-in/"), stub)
    sent_to_provider(client.post("/identity/confirm/"), stub)
    stub.nonce = plain["nonce"]
    come_back(client, plain)
    assert not recent_auth(client).fresh


def test_form_of_an_act_asks_a_provider_user_for_a_confirmation_instead_of_a_password(
    client: Client, stub: StubProvider, settings: Settings
) -> None:
    sign_in(client, stub, groups=["CS Admins"], auth_time=1)
    page = client.get("/operations/").content.decode()
    assert "Confirm with Example Identity" in page
    assert 'name="password"' not in page
    answer = client.post("/operations/pause/", {"reason": "The gateway is replaced", "password": "guess"})
    assert answer.status_code == 422
    answer = client.post("/operations/pause/", {"reason": "The gateway is replaced"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Confirm with Example Identity, then send this again." in page
    assert "The gateway is replaced" in page
    confirm(client, stub, groups=["CS Admins"])
    assert client.post("/operations/pause/", {"reason": "The gateway is replaced"}).status_code == 302
    [paused] = events("delivery.paused_by_operator")
    assert paused["data"]["signed_in_with"] == ["openid_connect"]
