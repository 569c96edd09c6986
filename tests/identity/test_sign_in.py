"""Sign-in with an OpenID provider: what the browser sends there, who comes back as whom, and with which roles."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.identity.models import ProviderAccount
from tests.identity.stub_provider import StubProvider, begin, come_back, sign_in
from tests.people import person
from tests.segura import events

pytestmark = pytest.mark.django_db


def signed_in(client: Client) -> str:
    key = client.session.get("_auth_user_id")
    return User.objects.get(pk=key).username if key else ""


def roles_of(username: str) -> list[str]:
    return sorted(User.objects.get(username=username).groups.values_list("name", flat=True))


def test_provider_comes_first_on_the_sign_in_page(client: Client, stub: StubProvider) -> None:
    page = client.get("/accounts/login/?next=/queue/").content.decode()
    assert 0 < page.index("Continue with Example Identity") < page.index('name="login"')
    assert '<input type="hidden" name="next" value="/queue/">' in page


def test_without_a_provider_the_sign_in_page_does_not_speak_of_one(client: Client) -> None:
    assert "Continue with" not in client.get("/accounts/login/").content.decode()
    assert client.post("/identity/sign-in/").status_code == 404
    assert client.get("/identity/callback/?code=c&state=s").status_code == 404


def test_browser_takes_state_nonce_and_a_hashed_verifier_to_the_provider(client: Client, stub: StubProvider) -> None:
    sent = begin(client, stub, scope="admin", prompt="none", acr_values="x", process="connect")
    own = {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce"}
    assert sent.keys() == own | {"code_challenge", "code_challenge_method"}
    assert sent["code_challenge_method"] == "S256"
    assert sent["scope"] == "openid profile email"
    assert sent["redirect_uri"].endswith("/identity/callback/")
    come_back(client, sent)
    _path, form = next(request for request in stub.requests if request[0] == "/token")
    assert form["code_verifier"] not in sent.values()


def test_first_sign_in_creates_the_account_with_the_roles_of_its_groups(client: Client, stub: StubProvider) -> None:
    answer = sign_in(client, stub, groups=["Staff", "CS Leads", "CS Requesters"], email="maria@corp.example")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert signed_in(client) == "maria"
    assert roles_of("maria") == ["Approvers", "Requesters"]
    user = User.objects.get(username="maria")
    assert (user.get_full_name(), user.email, user.has_usable_password()) == (
        "Maria Silva",
        "maria@corp.example",
        False,
    )
    account = ProviderAccount.objects.get(user=user)
    assert (account.issuer, account.subject) == (stub.issuer, "u-1")


def test_first_sign_in_is_on_record_with_issuer_subject_groups_and_roles(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, groups=["Staff", "CS Leads"])
    actions = ("account.created", "access.granted", "session.started")
    [created], [granted], [started] = map(events, actions)
    assert created["data"] == {"person": "maria", "issuer": stub.issuer, "subject_id": "u-1"}
    assert granted["data"] == {
        "person": "maria",
        "roles": ["approver"],
        "roles_before": [],
        "groups": ["CS Leads"],
        "groups_status": "read",
        "issuer": stub.issuer,
    }
    assert (started["actor"], started["data"]) == ("maria", {"signed_in_with": ["openid_connect"]})


def test_account_is_found_by_issuer_and_subject_and_keeps_its_name(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, groups=["CS Leads"])
    sign_in(Client(), stub, groups=["CS Leads"], preferred_username="renamed", email="other@corp.example")
    assert [user.username for user in User.objects.all()] == ["maria"]


def test_same_subject_of_another_issuer_is_another_person(client: Client, stub: StubProvider) -> None:
    other = person("someone")
    ProviderAccount.objects.create(user=other, issuer="https://other.example", subject="u-1")
    sign_in(client, stub, groups=["CS Leads"])
    assert signed_in(client) == "maria"


@pytest.mark.parametrize("local", ["maria", "MARIA", "\uff4d\uff41\uff52\uff49\uff41"])
def test_local_account_of_the_name_in_any_spelling_is_not_taken_over(
    client: Client, stub: StubProvider, local: str
) -> None:
    person(local)
    answer = sign_in(client, stub, groups=["CS Admins"])
    assert answer.status_code == 403
    assert "Your user name already belongs to another account." in answer.content.decode()
    assert signed_in(client) == ""
    assert not User.objects.get().groups.exists()
    assert events("session.failed")[-1]["data"] == {"name": "unknown name", "reason": "username_taken"}


def test_local_account_of_the_email_address_is_not_taken_over(client: Client, stub: StubProvider) -> None:
    other = person("other")
    User.objects.filter(pk=other.pk).update(email="maria@corp.example")
    sign_in(client, stub, groups=["CS Leads"], email="maria@corp.example", email_verified=True)
    assert signed_in(client) == "maria"
    assert roles_of("other") == []


def test_two_people_with_one_email_address_have_two_accounts(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, groups=["CS Leads"], email="team@corp.example")
    sign_in(Client(), stub, groups=["CS Leads"], email="team@corp.example", sub="u-2", preferred_username="jose")
    assert sorted(User.objects.values_list("username", flat=True)) == ["jose", "maria"]


@pytest.mark.parametrize("name", [None, "", 7, "ma ria", "ma\u200bria", "x" * 151, "a\0b", ["maria"]])
def test_user_name_that_cannot_be_one_is_refused(client: Client, stub: StubProvider, name: object) -> None:
    answer = sign_in(client, stub, groups=["CS Leads"], preferred_username=name)
    assert answer.status_code == 403
    assert "did not send a valid user name in the claim preferred_username" in answer.content.decode()
    assert User.objects.count() == 0


def test_next_page_of_another_host_leads_home(client: Client, stub: StubProvider) -> None:
    stub.claims = {"groups": ["CS Leads"]}
    answer = come_back(client, begin(client, stub, next="https://evil.example/"))
    assert answer.headers["Location"] == "/"
    answer = come_back(client, begin(client, stub, next="/secrets/"))
    assert answer.headers["Location"] == "/secrets/"


def test_switched_off_account_is_refused_on_record(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, groups=["CS Leads"])
    User.objects.update(is_active=False)
    answer = sign_in(Client(), stub, groups=["CS Admins"])
    assert answer.status_code == 403
    assert "it was switched off" in answer.content.decode()
    assert roles_of("maria") == ["Approvers"]
    assert events("session.failed")[-1]["data"] == {"name": "maria", "reason": "account_disabled"}


def test_csp_lets_the_form_reach_the_provider_alone(settings: Settings) -> None:
    assert settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"] == ["'self'"]
