"""The doctor asks the provider for its discovery document and its keys, and says in words what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc.jwk import OctKey
from pytest_django import Settings

from portal.operations.doctor.finding import Finding, Severity
from portal.operations.doctor.identity import check_identity
from tests.identity.stub_provider import CLIENT_SECRET, StubProvider
from tests.people import person

pytestmark = pytest.mark.django_db


def problems() -> list[Finding]:
    found = list(check_identity())
    assert CLIENT_SECRET not in str(found)
    return [finding for finding in found if finding.level is Severity.PROBLEM]


def test_provider_that_answers_as_it_must_is_well(stub: StubProvider) -> None:
    assert problems() == []
    assert any("discovery and keys" in finding.found for finding in check_identity())


@pytest.mark.parametrize(
    ("discovery", "words"),
    [
        ({"issuer": "https://evil.example"}, "discovery: the document names another issuer than OIDC_ISSUER"),
        ({"token_endpoint": None, "jwks_uri": ""}, "discovery: token_endpoint, jwks_uri missing"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "discovery: the provider offers no accepted signature"),
        ({"authorization_endpoint": "https://elsewhere.example/a"}, "authorization_endpoint is not on the origin"),
        ({"code_challenge_methods_supported": ["plain"]}, "the provider does not support PKCE with S256"),
        ({"jwks_uri": "http://127.0.0.1:9/keys"}, "keys: no usable answer (ConnectionError)"),
    ],
    ids=str,
)
def test_fault_of_the_provider_is_named_with_what_to_do(
    discovery: dict[str, Any], words: str, stub: StubProvider
) -> None:
    stub.discovery = discovery
    (found,) = problems()
    assert words in found.found
    assert found.todo


def test_provider_that_is_away_or_refuses_is_named(stub: StubProvider, settings: Settings) -> None:
    stub.status = 500
    assert [finding.found for finding in problems()] == ["discovery: HTTP 500"]
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert [finding.found for finding in problems()] == ["discovery: no usable answer (ConnectionError)"]


def test_provider_without_a_key_pair_is_named(stub: StubProvider) -> None:
    stub.key = OctKey.generate_key(256, {"kid": "k1"})  # type: ignore[assignment]
    assert problems() != []


def test_emergency_account_that_could_not_sign_in_is_a_problem(stub: StubProvider, settings: Settings) -> None:
    settings.PASSWORD_SIGN_IN, settings.EMERGENCY_ACCOUNT = False, "rescue"
    assert "PORTAL_EMERGENCY_ACCOUNT rescue is no active local account" in problems()[0].found
    account = person("rescue")
    assert problems() == []
    account.set_unusable_password()
    account.save()
    assert len(problems()) == 1


def test_process_without_the_client_of_the_provider_asks_nobody(stub: StubProvider, settings: Settings) -> None:
    settings.OIDC_CLIENT_ID = ""
    (found,) = check_identity()
    assert found.level is Severity.OK
    settings.PROCESS = "sealer"
    assert list(check_identity()) == []
    assert stub.requests == []
