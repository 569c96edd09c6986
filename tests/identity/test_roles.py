"""Roles of provider users: set from the groups at each sign-in, explained on pages, and out of reach of the console."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.identity.models import ProviderAccount
from tests.identity.stub_provider import StubProvider, sign_in
from tests.people import person
from tests.segura import events

pytestmark = pytest.mark.django_db


def groups_of(username: str) -> list[str]:
    return sorted(User.objects.get(username=username).groups.values_list("name", flat=True))


def test_roles_of_the_settings_are_the_roles_of_the_portal(settings: Settings) -> None:
    assert [role.name.lower() for role in Role] == ["requester", "approver", "auditor", "administrator"]


def test_roles_follow_the_groups_at_the_next_sign_in_with_both_lists_on_record(
    client: Client, stub: StubProvider
) -> None:
    sign_in(client, stub, groups=["CS Leads", "CS Requesters"])
    sign_in(Client(), stub, groups=["CS Requesters", "CS Admins"])
    assert groups_of("maria") == ["Administrators", "Requesters"]
    changed = events("access.granted")[-1]["data"]
    assert changed["roles_before"] == ["approver", "requester"]
    assert changed["roles"] == ["administrator", "requester"]
    assert changed["groups"] == ["CS Admins", "CS Requesters"]


def test_changed_role_acts_at_once_in_a_session_that_is_open(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, groups=["CS Leads"])
    assert client.get("/queue/").status_code == 200
    sign_in(Client(), stub, groups=["CS Requesters"])
    assert client.get("/queue/").status_code == 403


def test_sign_in_with_the_same_groups_records_no_change_of_roles(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, groups=["CS Leads"])
    sign_in(Client(), stub, groups=["CS Approvers", "Staff"])
    assert len(events("access.granted")) == 1


def test_role_that_was_given_past_the_provider_ends_at_the_next_sign_in(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, groups=["CS Leads"])
    roles.add_to_role(User.objects.get(), Role.AUDITOR)
    sign_in(Client(), stub, groups=["CS Leads"])
    assert groups_of("maria") == ["Approvers"]
    assert events("access.granted")[-1]["data"]["roles_before"] == ["approver", "auditor"]


OVERAGE = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}}
MISSING = "Example Identity did not send your groups"
TOO_MANY = "You are in so many groups that Example Identity left them out"
NONE = "Example Identity named you in no group that has a role."


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({}, MISSING),
        ({"groups": None}, MISSING),
        ({"groups": {"CS Leads": True}}, MISSING),
        ({"groups": [["CS Leads"]]}, MISSING),
        ({"groups": 7}, MISSING),
        (OVERAGE, TOO_MANY),
        ({"groups": []}, NONE),
        ({"groups": ["cs leads", "CS Leads "]}, NONE),
    ],
    ids=str,
)
def test_sign_in_without_groups_takes_every_role_and_the_page_says_why(
    client: Client, stub: StubProvider, claims: dict[str, object], sentence: str
) -> None:
    sign_in(client, stub, groups=["CS Leads"])
    browser = Client()
    sign_in(browser, stub, **claims)
    assert groups_of("maria") == []
    assert sentence in browser.get("/").content.decode()


@pytest.mark.parametrize(
    ("claims", "code", "sentence"),
    [
        ({}, "groups_missing", "Example Identity did not send your groups in the claim groups."),
        (OVERAGE, "groups_overage", "You are in so many groups that Example Identity left them out of the ID token."),
        ({"groups": ["Staff"]}, "no_role", "Example Identity did not name you in any group that has a role"),
    ],
)
def test_first_sign_in_without_a_role_creates_no_account_and_says_why(
    client: Client, stub: StubProvider, claims: dict[str, object], code: str, sentence: str
) -> None:
    answer = sign_in(client, stub, **claims)
    assert answer.status_code == 403
    assert sentence in answer.content.decode()
    assert User.objects.count() == 0
    assert events("session.failed")[-1]["data"]["reason"] == code


def test_single_group_may_come_as_text_and_under_another_claim(
    client: Client, stub: StubProvider, settings: Settings
) -> None:
    settings.OIDC_GROUPS_CLAIM = "roles"
    sign_in(client, stub, groups=["CS Admins"], roles="CS Leads")
    assert groups_of("maria") == ["Approvers"]


def test_people_page_says_from_where_and_since_when_the_roles_are(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, groups=["CS Admins"])
    person("local", Role.REQUESTER)
    page = client.get("/operations/users/").content.decode()
    assert page.count("from Example Identity, confirmed") == 1
    assert "Users of Example Identity get their roles from its groups" in page


@pytest.mark.parametrize("option", [["--role", "auditor"], ["--no-role"], ["--new-password"]], ids=str)
def test_console_changes_neither_roles_nor_password_of_a_provider_user(
    client: Client, stub: StubProvider, option: list[str]
) -> None:
    sign_in(client, stub, groups=["CS Leads"])
    with pytest.raises(CommandError, match="maria signs in with the OpenID provider, whose groups give the roles"):
        call_command("user", "maria", *option)
    assert groups_of("maria") == ["Approvers"]
    assert not User.objects.get().has_usable_password()


def test_console_disables_a_provider_user_at_once(client: Client, stub: StubProvider) -> None:
    sign_in(client, stub, groups=["CS Leads"])
    call_command("user", "maria", "--disable")
    assert client.get("/queue/").headers["Location"].startswith("/accounts/login/")


def test_local_user_is_linked_by_a_recorded_act_at_the_console(client: Client, stub: StubProvider) -> None:
    person("maria", Role.AUDITOR)
    local = Client()
    local.post("/accounts/login/", {"login": "maria", "password": "maria-correct-horse"})
    call_command("user", "maria", "--provider-subject", "u-1")
    assert local.get("/audit/").headers["Location"].startswith("/accounts/login/")
    assert local.post("/accounts/login/", {"login": "maria", "password": "maria-correct-horse"}).status_code == 200
    [linked] = events("account.linked")
    assert linked["data"] == {"person": "maria", "issuer": stub.issuer, "subject_id": "u-1"}
    assert linked["actor"].startswith("console (uid ")
    sign_in(client, stub, groups=["CS Leads"])
    assert groups_of("maria") == ["Approvers"]
    assert User.objects.count() == 1


def test_subject_is_linked_to_one_user_alone(stub: StubProvider) -> None:
    for name in ("maria", "jose"):
        person(name)
    call_command("user", "maria", "--provider-subject", "u-1")
    with pytest.raises(CommandError, match="Another user is linked to this subject"):
        call_command("user", "jose", "--provider-subject", "u-1")
    with pytest.raises(CommandError, match="is linked to an account of the provider already"):
        call_command("user", "maria", "--provider-subject", "u-2")
    assert ProviderAccount.objects.count() == 1


def test_without_a_provider_nobody_is_linked() -> None:
    person("maria")
    with pytest.raises(CommandError, match="OIDC_ISSUER is not set"):
        call_command("user", "maria", "--provider-subject", "u-1")
