"""Sign-out at the provider and by it: which sessions end, and which tokens are refused."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import RSAKey

from portal.identity import provider_sessions
from portal.identity.models import ProviderSession
from tests.identity.stub_provider import CLIENT_ID, StubProvider, come_back, sent_to_provider, sign_in
from tests.people import person
from tests.segura import events

pytestmark = pytest.mark.django_db
LEADS = {"groups": ["CS Leads"]}
EVENT = {"http://schemas.openid.net/event/backchannel-logout": {}}


@pytest.fixture(autouse=True)
def empty_cache(db: None) -> None:
    cache.clear()


def is_signed_in(client: Client) -> bool:
    return client.get("/queue/").status_code == 200


def test_sign_out_goes_on_to_the_provider_and_back_to_the_sign_in_page(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS)
    where = urlsplit(client.post("/accounts/logout/").headers["Location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{stub.issuer}/logout"
    sent = parse_qs(where.query)
    assert sent["client_id"] == [CLIENT_ID]
    assert sent["post_logout_redirect_uri"][0].endswith("/accounts/login/")
    assert jwt.decode(sent["id_token_hint"][0], stub.key).claims["sub"] == "u-1"
    assert not is_signed_in(client)
    assert events("session.ended")[-1]["actor"] == "maria"


def test_id_token_is_stored_encrypted(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS)
    assert "eyJ" not in str(client.session["provider_session"])


def test_sign_out_needs_no_provider_that_answers(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS)
    stub.status = 503
    assert client.post("/accounts/logout/").headers["Location"].startswith(f"{stub.issuer}/logout?")


@pytest.mark.parametrize("endpoint", [None, "https://elsewhere.example/logout", "javascript:alert(1)", 7])
def test_sign_out_stays_here_where_the_browser_could_not_reach_the_provider(
    client: Client, stub: StubProvider, endpoint: object
) -> None:
    stub.discovery = {"end_session_endpoint": endpoint}
    sign_in(client, stub, **LEADS)
    assert client.post("/accounts/logout/").headers["Location"] == "/accounts/login/"
    assert not is_signed_in(client)


def test_local_user_signs_out_here_alone(client: Client, stub: StubProvider) -> None:
    client.force_login(person("local"))
    assert client.post("/accounts/logout/").headers["Location"] == "/accounts/login/"


def test_session_ends_twelve_hours_after_the_sign_in_although_it_is_used(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS)
    end = client.session.get_expiry_date()
    assert abs(end - timezone.now() - timedelta(hours=12)) < timedelta(minutes=1)
    confirm(client, stub)
    assert client.session.get_expiry_date() == end


def confirm(client: Client, stub: StubProvider) -> None:
    stub.claims = LEADS
    come_back(client, sent_to_provider(client.post("/identity/confirm/"), stub))


def logout_claims(stub: StubProvider, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {"iss": stub.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": f"j-{time.monotonic_ns()}"}
    claims |= {"events": EVENT, "sub": "u-1", "sid": "s-1", **changes}
    return {name: value for name, value in claims.items() if value is not None}


def send(token: str) -> HttpResponse:
    """As the provider does: without a cookie, and without a CSRF token."""
    return Client(enforce_csrf_checks=True).post("/identity/backchannel-logout/", {"logout_token": token})


def test_back_channel_logout_ends_the_session_it_names_and_no_other(client: Client, stub: StubProvider) -> None:
    other_browser, other_person = Client(), Client()
    sign_in(client, stub, **LEADS, sid="s-1")
    sign_in(other_browser, stub, **LEADS, sid="s-2")
    sign_in(other_person, stub, **LEADS, sid="s-1", sub="u-2", preferred_username="jose")
    answer = send(stub.sign(logout_claims(stub)))
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert [is_signed_in(each) for each in (client, other_browser, other_person)] == [False, True, True]
    assert events("session.ended")[-1]["data"] == {"person": "maria", "ended_by": "provider"}


def test_back_channel_logout_without_a_session_id_ends_all_sessions_of_the_user(
    client: Client, stub: StubProvider
) -> None:
    other_browser = Client()
    sign_in(client, stub, **LEADS, sid="s-1")
    sign_in(other_browser, stub, **LEADS)
    assert send(stub.sign(logout_claims(stub, sid=None))).status_code == 200
    assert [is_signed_in(each) for each in (client, other_browser)] == [False, False]


def test_back_channel_logout_finds_a_session_that_was_confirmed_since(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS, sid="s-1")
    confirm(client, stub)
    assert is_signed_in(client)
    assert send(stub.sign(logout_claims(stub, sub=None))).status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": None},
        {"exp": timedelta(minutes=-10)},
        {"iat": timedelta(hours=-1), "exp": None},
        {"iat": timedelta(hours=1)},
        {"iat": None},
        {"jti": None},
        {"events": None},
        {"events": {"http://schemas.openid.net/event/other": {}}},
        {"events": "http://schemas.openid.net/event/backchannel-logout"},
        {"nonce": "n"},
        {"sub": None, "sid": None},
        {"sub": 1, "sid": None},
        {"sid": ["s-1"]},
    ],
    ids=str,
)
def test_token_that_is_no_logout_token_ends_nothing(
    client: Client, stub: StubProvider, changes: dict[str, Any]
) -> None:
    sign_in(client, stub, **LEADS, sid="s-1")
    answer = send(stub.sign(logout_claims(stub, **changes)))
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert "no-store" in answer.headers["Cache-Control"]
    assert is_signed_in(client)
    assert events("session.failed")[-1]["data"]["reason"] == "logout_token_refused"


def test_logout_token_without_a_valid_signature_ends_nothing(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS, sid="s-1")
    forger = RSAKey.generate_key(2048)
    for header in ({"kid": "k1"}, {"kid": "k2"}, {}):
        assert send(jwt.encode({"alg": "RS256", **header}, logout_claims(stub), forger)).status_code == 400
    for token in ("", "nonsense", "a.b.c"):
        assert send(token).status_code == 400
    assert is_signed_in(client)


def test_logout_token_is_accepted_once(client: Client, stub: StubProvider) -> None:
    token = stub.sign(logout_claims(stub))
    assert send(token).status_code == 200
    sign_in(client, stub, **LEADS, sid="s-1")
    assert send(token).status_code == 400
    assert is_signed_in(client)


def test_tokens_with_unknown_keys_fetch_the_keys_once_a_minute(stub: StubProvider) -> None:
    forger = RSAKey.generate_key(2048)
    for _ in range(3):
        send(jwt.encode({"alg": "RS256", "kid": "k9"}, logout_claims(stub), forger))
    assert [path for path, _form in stub.requests].count("/keys") == 2


def test_back_channel_logout_says_that_the_keys_cannot_be_read(stub: StubProvider) -> None:
    stub.status = 503
    assert send("token").status_code == 503


def test_rows_of_expired_sessions_are_deleted(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS)
    assert provider_sessions.delete_expired_sessions() == 0
    ProviderSession.objects.update(started_at=timezone.now() - timedelta(hours=13))
    assert provider_sessions.delete_expired_sessions() == 1
    assert Session.objects.count() == 1
