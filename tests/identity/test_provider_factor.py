"""Second factor at the provider: what the ID token says opens a role that needs one, and nothing less does."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.identity.models import ProviderSession
from tests.accounts.soft_passkey import assertion, give_passkey
from tests.accounts.test_second_factor import CONFIRM, LIST
from tests.changes.pages import text_of
from tests.identity.stub_provider import StubProvider, begin, come_back, sent_to_provider, sign_in
from tests.identity.test_confirmation import recent_auth
from tests.segura import events

pytestmark = pytest.mark.django_db
LEADS = {"groups": ["CS Leads"]}


@pytest.fixture(autouse=True)
def needed(settings: Settings, stub: StubProvider) -> None:
    cache.clear()
    settings.SECOND_FACTOR_ROLES = ("approver", "auditor", "administrator")
    settings.OIDC_ACCEPTED_ACR, settings.OIDC_ACCEPTED_AMR = ["urn:two"], ["mfa", "hwk"]


def confirm(client: Client, stub: StubProvider, **claims: Any) -> Any:
    stub.claims = {**LEADS, **claims}
    return come_back(client, sent_to_provider(client.post("/identity/confirm/"), stub))


@pytest.mark.parametrize("claims", [{"acr": "urn:two"}, {"amr": ["pwd", "mfa"]}, {"amr": ["hwk"]}])
def test_accepted_claim_opens_the_session_and_is_in_the_proof(
    claims: dict[str, Any], client: Client, stub: StubProvider
) -> None:
    sign_in(client, stub, **LEADS, **claims)
    assert client.get("/queue/").status_code == 200
    assert recent_auth(client).second_factor


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"acr": "urn:one"},
        {"acr": ["urn:two"]},
        {"acr": None, "amr": None},
        {"amr": ["pwd"]},
        {"amr": [["mfa"]]},
    ],
)
def test_without_an_accepted_claim_the_session_stays_closed(
    claims: dict[str, Any], client: Client, stub: StubProvider
) -> None:
    answer = sign_in(client, stub, **LEADS, **claims)
    assert answer.status_code == 302
    page = client.get("/queue/", follow=True)
    assert page.redirect_chain[-1][0] == f"{LIST}?next=%2Fqueue%2F"
    assert "Example Identity did not confirm one at your sign-in." in text_of(page)


def test_nothing_is_accepted_where_nothing_is_configured(
    client: Client, stub: StubProvider, settings: Settings
) -> None:
    settings.OIDC_ACCEPTED_ACR, settings.OIDC_ACCEPTED_AMR = [], []
    sign_in(client, stub, **LEADS, acr="", amr=["mfa"])
    assert client.get("/queue/").status_code == 302
    assert "Confirm with Example Identity" not in text_of(client.get(LIST))


def test_confirmation_with_the_factor_opens_the_session(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS, amr=["pwd"])
    assert "Confirm with Example Identity" in text_of(client.get(LIST))
    confirm(client, stub, amr=["pwd", "mfa"])
    assert client.get("/queue/").status_code == 200


def test_confirmation_with_less_than_the_sign_in_had_is_refused(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS, amr=["mfa"], auth_time=1)
    answer = confirm(client, stub, amr=["pwd"])
    assert answer.status_code == 403
    assert "Example Identity confirmed you without a second factor." in text_of(answer)
    assert not recent_auth(client).fresh
    assert events("session.failed")[-1]["data"] == {"name": "maria", "reason": "no_second_factor"}


def test_second_factor_of_the_portal_opens_the_session_of_a_provider_user(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, **LEADS)
    passkey = give_passkey(User.objects.get(username="maria"))
    assert client.get("/queue/", follow=True).redirect_chain[-1][0].startswith(CONFIRM)
    client.post(CONFIRM, {"confirm_passkey": assertion(client, passkey)})
    assert client.get("/queue/").status_code == 200
    # The session has a new id, by which a logout at the provider must still find it.
    assert ProviderSession.objects.get(account__user__username="maria").session_key == client.session.session_key


def test_authentication_context_is_requested_as_configured(
    client: Client, stub: StubProvider, settings: Settings
) -> None:
    assert "acr_values" not in begin(client, stub)
    settings.OIDC_ACR_VALUES = "urn:two urn:three"
    assert begin(client, stub, acr_values="urn:one")["acr_values"] == "urn:two urn:three"
    sign_in(client, stub, **LEADS, acr="urn:two", auth_time=int(time.time()))
    sent = sent_to_provider(client.post("/identity/confirm/", {"acr_values": "urn:one"}), stub)
    assert (sent["acr_values"], sent["prompt"]) == ("urn:two urn:three", "login")
