"""Tokens, codes and callbacks that are not what they should be: each is refused, in words and on record."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from portal.accounts.models import User
from tests.identity.stub_provider import CLIENT_ID, CLIENT_SECRET, StubProvider, begin, come_back, sign_in
from tests.segura import events

pytestmark = pytest.mark.django_db
GROUPS = {"groups": ["CS Leads"]}


def require_refused(client: Client, answer: Any, code: str, sentence: str, *, status: int = 403) -> None:
    """Nobody was signed in or created; page and log say why, and neither contains a token or the client secret."""
    page = answer.content.decode()
    assert answer.status_code == status
    assert sentence in page
    assert "_auth_user_id" not in client.session
    assert User.objects.count() == 0
    assert events("session.failed")[-1]["data"] == {"name": "unknown name", "reason": code}
    assert CLIENT_SECRET not in page
    assert "eyJ" not in page


ISSUER = "The ID token comes from another issuer than Example Identity."
AUDIENCE = "The ID token was issued for another application than Countersign."
NONCE = "The ID token belongs to another sign-in."
EXPIRED = "The ID token has expired, or the clocks of Example Identity and Countersign differ by more than a minute."
INVALID = "The ID token from Example Identity is not validly signed or is incomplete."
STATE = "This sign-in was started in another browser, was completed before, or is more than an hour old."


@pytest.mark.parametrize(
    ("claims", "code", "sentence"),
    [
        ({"iss": "https://evil.example"}, "wrong_issuer", ISSUER),
        ({"iss": None}, "wrong_issuer", ISSUER),
        ({"aud": "another"}, "wrong_audience", AUDIENCE),
        ({"aud": "another", "azp": CLIENT_ID}, "wrong_audience", AUDIENCE),
        ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "wrong_audience", AUDIENCE),
        ({"aud": None}, "wrong_audience", AUDIENCE),
        ({"nonce": "of-another-browser"}, "wrong_nonce", NONCE),
        ({"nonce": None}, "wrong_nonce", NONCE),
        ({"exp": timedelta(minutes=-5)}, "expired_token", EXPIRED),
        ({"iat": timedelta(minutes=20), "exp": timedelta(minutes=30)}, "expired_token", EXPIRED),
        ({"nbf": timedelta(minutes=20)}, "expired_token", EXPIRED),
        ({"exp": None}, "invalid_token", INVALID),
        ({"sub": None}, "invalid_token", INVALID),
        ({"sub": ""}, "invalid_token", INVALID),
        ({"sub": "x" * 256}, "invalid_token", INVALID),
        ({"sub": "\u00e9"}, "invalid_token", INVALID),
        ({"sub": "a\0b"}, "invalid_token", INVALID),
    ],
    ids=str,
)
def test_token_with_a_wrong_claim_is_refused(
    client: Client, stub: StubProvider, claims: dict[str, Any], code: str, sentence: str
) -> None:
    require_refused(client, sign_in(client, stub, **GROUPS, **claims), code, sentence)


def test_clock_five_minutes_off_is_refused_and_half_a_minute_is_not(client: Client, stub: StubProvider) -> None:
    now = int(time.time())
    require_refused(client, sign_in(client, stub, **GROUPS, iat=now + 300, exp=now + 600), "expired_token", EXPIRED)
    assert sign_in(client, stub, **GROUPS, iat=now + 30, exp=now + 330).status_code == 302


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "kid": "k1"}, claims)
    return "".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") + "." for part in parts)


def signed_with_the_client_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256", "kid": "k1"}, claims, OctKey.import_key(CLIENT_SECRET))


def signed_with_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, RSAKey.generate_key(2048))


def signed_with_an_unknown_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k2"}, claims, RSAKey.generate_key(2048))


@pytest.mark.parametrize(
    "make", [unsigned, signed_with_the_client_secret, signed_with_another_key, signed_with_an_unknown_key]
)
def test_token_without_a_signature_of_the_provider_is_refused(client: Client, stub: StubProvider, make: Any) -> None:
    stub.discovery = {"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]}
    stub.token = make
    require_refused(client, sign_in(client, stub, **GROUPS), "invalid_token", INVALID)


def test_altered_token_is_refused(client: Client, stub: StubProvider) -> None:
    def alter(claims: dict[str, Any]) -> str:
        head, _body, signature = stub.sign(claims).split(".")
        body = stub.sign({**claims, "groups": ["CS Admins"]}).split(".")[1]
        return f"{head}.{body}.{signature}"

    stub.token = alter
    require_refused(client, sign_in(client, stub, **GROUPS), "invalid_token", INVALID)


def test_code_that_was_used_before_is_refused(client: Client, stub: StubProvider) -> None:
    stub.claims, stub.used = GROUPS, {"c-1"}
    answer = come_back(client, begin(client, stub), code="c-1")
    require_refused(client, answer, "code_rejected", "Example Identity no longer accepts the code of this sign-in.")


def test_callback_of_another_browser_is_refused(client: Client, stub: StubProvider) -> None:
    sent = begin(Client(), stub)
    require_refused(client, come_back(client, sent), "foreign_state", STATE)
    assert not [path for path, _form in stub.requests if path == "/token"]


def test_callback_cannot_be_replayed(client: Client, stub: StubProvider) -> None:
    sent = begin(client, stub)
    assert come_back(client, sent, error="access_denied").status_code == 403
    require_refused(client, come_back(client, sent), "foreign_state", STATE)


@pytest.mark.parametrize(
    "query", ["", "?code=c", "?state=s", "?code=c&state=", "?error=access_denied", "?code=c&state=%00"]
)
def test_callback_that_no_sign_in_waits_for_is_refused(client: Client, stub: StubProvider, query: str) -> None:
    require_refused(client, client.get(f"/identity/callback/{query}"), "foreign_state", STATE)


def test_refusal_by_the_provider_is_shown_without_its_words(client: Client, stub: StubProvider) -> None:
    words = "Call 555-1234 and read out your password"
    answer = come_back(client, begin(client, stub), error="access_denied", error_description=words)
    require_refused(client, answer, "denied_by_provider", "Example Identity ended the sign-in without signing you in.")
    assert words not in answer.content.decode()


def test_client_that_the_provider_does_not_know_is_named(client: Client, stub: StubProvider) -> None:
    sent = begin(client, stub)
    stub.answer = lambda *_: (401, {"error": "invalid_client"})  # type: ignore[method-assign]
    sentence = "Example Identity does not accept the client ID or the client secret of Countersign."
    require_refused(client, come_back(client, sent), "client_rejected", sentence)


AWAY = "Example Identity did not answer as expected. You were not signed in, and nothing was changed."


def test_provider_that_is_down_is_a_page_that_says_so(client: Client, stub: StubProvider) -> None:
    stub.status = 503
    answer = client.post("/identity/sign-in/")
    require_refused(client, answer, "provider_unavailable", AWAY, status=503)
    assert answer.headers["Retry-After"] == "30"


def test_provider_that_goes_down_in_the_middle_is_a_page_that_says_so(client: Client, stub: StubProvider) -> None:
    sent = begin(client, stub)
    stub.status = 502
    require_refused(client, come_back(client, sent), "provider_unavailable", AWAY, status=503)


def test_provider_that_listens_no_more_is_a_page_that_says_so(
    client: Client, stub: StubProvider, settings: Any
) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    require_refused(client, client.post("/identity/sign-in/"), "provider_unavailable", AWAY, status=503)


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
    ],
    ids=str,
)
def test_discovery_of_another_issuer_or_without_endpoints_is_not_used(
    client: Client, stub: StubProvider, discovery: dict[str, Any]
) -> None:
    stub.discovery = discovery
    require_refused(client, client.post("/identity/sign-in/"), "provider_unavailable", AWAY, status=503)


def test_new_signing_key_is_fetched_when_a_token_names_it(client: Client, stub: StubProvider) -> None:
    assert sign_in(client, stub, **GROUPS).status_code == 302
    stub.key = RSAKey.generate_key(2048, {"kid": "k2", "use": "sig", "alg": "RS256"})
    stub.token = lambda claims: stub.sign(claims, kid="k2")
    assert sign_in(Client(), stub, **GROUPS).status_code == 302


def test_discovery_is_read_once_and_again_after_ten_minutes(
    client: Client, stub: StubProvider, monkeypatch: Any
) -> None:
    sign_in(client, stub, **GROUPS)
    sign_in(Client(), stub, **GROUPS)
    asked = [path for path, _form in stub.requests]
    assert (asked.count("/.well-known/openid-configuration"), asked.count("/keys")) == (1, 1)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 601)
    sign_in(Client(), stub, **GROUPS)
    asked = [path for path, _form in stub.requests]
    assert (asked.count("/.well-known/openid-configuration"), asked.count("/keys")) == (2, 2)
