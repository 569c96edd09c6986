"""Roles that need a second factor: without one no page and no right opens, on every route; the last one stays."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from portal.accounts import roles
from portal.accounts.factors import requirement
from portal.accounts.factors.middleware import SecondFactorMiddleware
from portal.accounts.models import User
from portal.accounts.roles import Right, Role
from portal.accounts.typed_forms import sign_owner
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.devserver import checks
from tests.accounts.soft_passkey import SoftPasskey, add_passkey, assertion, give_passkey
from tests.accounts.test_second_factor import CONFIRM, LIST
from tests.changes.pages import ballot_of, send, text_of
from tests.people import person, show_presence
from tests.rig.portal import ROOT
from tests.segura import events
from tests.web.addresses import Address
from tests.web.cast import Cast, assemble, stands
from tests.web.test_permission_matrix import KNOWN, name_of, sent

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W05")]
OPEN = {
    "account_login": "signs in",
    "account_logout": "signs out",
    "account_inactive": "says that an account is switched off",
    "account_reauthenticate": "asks for the password",
    "account_change_password": "asks for the old password",
    "set_theme": "a choice of this browser",
    "set_language": "a choice of this browser",
    "mfa_index": "adds a factor",
    "mfa_authenticate": "the second step of a sign-in",
    "confirm_identity": "shows a factor",
    "passkey_options": "shows a factor",
    "mfa_login_webauthn": "signs in",
    "mfa_add_webauthn": "adds a factor",
    "mfa_activate_totp": "adds a factor",
    "identity:sign_in": "signs in",
    "identity:confirm": "shows a factor at the provider",
    "identity:confirmed": "says that one was shown",
    "identity:callback": "signs in",
    "identity:backchannel_logout": "is the provider's",
    "governance:choose_password": "asks for a link, whoever is signed in",
    "devserver:demo_sign_in": "signs in, in the demo",
}
"""Addresses that a session without the factor reaches, and why."""


@pytest.fixture(autouse=True)
def needed(settings: Settings, db: None) -> None:
    cache.clear()
    settings.SECOND_FACTOR_ROLES = ("approver", "auditor", "administrator")


@pytest.fixture
def cast(propose: Callable[..., Proposal]) -> Cast:
    return assemble(propose)


@pytest.mark.parametrize("address", KNOWN, ids=name_of)
def test_no_route_opens_without_the_factor(cast: Cast, address: Address) -> None:
    """Neither does one act: whatever a page would send, from each role that needs the factor."""
    cast.prepare(address.name)
    path = address.path(**cast.numbers())
    for role in ("approver", "auditor", "operator"):
        browser, before = cast.browser(role), stands()
        read = browser.get(path)
        written = browser.generic("POST", *sent(path, cast.told(address.name, role)))
        if address.name in OPEN:
            assert not {403, 500} & {read.status_code, written.status_code}
        elif address.name == "notifications:count":
            assert (read.status_code, read.content) == (204, b"")
        else:
            assert read.status_code == 405 or read.headers["Location"].startswith(LIST)
            assert written.status_code in (403, 405)
            assert stands() == before


def test_page_says_why_and_what_to_do(approver: User, client: Client) -> None:
    client.force_login(approver)
    show_presence(client, approver)
    answer = client.get("/queue/", follow=True)
    page = text_of(answer)
    assert "Your role needs a second factor" in page
    assert "Add a passkey" in page
    assert "Approvals" not in page.partition("Second factor")[0]


def test_refused_form_keeps_what_was_typed(approver: User, client: Client, submitted: Change) -> None:
    client.force_login(approver)
    show_presence(client, approver)
    data = {"text": "It took me half an hour", "owner": sign_owner(approver.pk)}
    answer = client.post(f"/changes/{submitted.pk}/comment/", data)
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "Your role needs a second factor. Nothing was done." in page
    assert "It took me half an hour" in page
    assert events("access.denied")[-1]["data"]["rule"] == "second_factor_missing"


def test_htmx_is_led_there_as_a_whole_page(approver: User, client: Client) -> None:
    client.force_login(approver)
    show_presence(client, approver)
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/queue/"}
    answer = client.get("/queue/updates/", headers=headers)
    assert answer.headers["HX-Redirect"] == f"{LIST}?next=%2Fqueue%2F"


@pytest.mark.usefixtures("no_queue")
def test_adding_a_factor_opens_the_session(approver: User, client: Client, submitted: Change) -> None:
    client.force_login(approver)
    show_presence(client, approver, reauthenticated=True)
    assert client.get("/queue/").status_code == 302
    add_passkey(client, SoftPasskey())
    assert client.get("/queue/").status_code == 200
    assert send(client, "approve", submitted, ballot_of(submitted)).status_code == 302


def test_session_of_a_user_with_a_factor_opens_when_it_is_shown(approver: User) -> None:
    passkey, browser = give_passkey(approver), Client()
    browser.force_login(approver)
    show_presence(browser, approver, method="openid_connect", proved_at=0)
    place = browser.get("/queue/", follow=True).redirect_chain[-1][0]
    assert place == f"{CONFIRM}?next=%2Fqueue%2F"
    sent_ = {"confirm_passkey": assertion(browser, passkey), "next": "/queue/"}
    assert browser.post(CONFIRM, sent_).headers["Location"] == "/queue/"
    assert browser.get("/queue/").status_code == 200


@pytest.mark.parametrize(("role", "closed"), [(Role.REQUESTER, False), *((role, True) for role in list(Role)[1:])])
def test_roles_are_those_of_the_setting(role: Role, closed: bool, client: Client) -> None:
    user = person("maria", role)
    client.force_login(user)
    show_presence(client, user)
    assert client.get("/accounts/preferences/").status_code == (302 if closed else 200)


def test_right_of_another_group_needs_the_factor_too(client: Client) -> None:
    """Any group can grant a right; the name of the group does not matter."""
    group = Group.objects.create(name="Releasers")
    group.permissions.add(Permission.objects.get(codename="decide"))
    user = person("maria")
    user.groups.add(group)
    client.force_login(user)
    show_presence(client, user)
    assert client.get("/queue/").headers["Location"].startswith(LIST)


def test_middleware_leaves_a_closed_session_no_right(approver: User, client: Client) -> None:
    client.force_login(approver)
    show_presence(client, approver)
    request = RequestFactory().get("/")
    request.session, request.user = client.session, User.objects.get(pk=approver.pk)
    SecondFactorMiddleware(lambda request: request)(request)
    assert not roles.has_right(request.user, Right.DECIDE)
    assert requirement.is_factor_missing(request)


def test_last_factor_of_a_role_that_needs_one_stays(approver: User, client: Client) -> None:
    client.force_login(approver)
    show_presence(client, approver, reauthenticated=True)
    add_passkey(client, SoftPasskey())
    first = Authenticator.objects.get(type="webauthn")
    page = client.post(f"{LIST}{first.pk}/remove/", follow=True)
    assert "Your role needs a second factor, so the last one stays." in text_of(page)
    add_passkey(client, SoftPasskey(), name="Phone")
    client.post(f"{LIST}{first.pk}/remove/")
    assert [factor.data["name"] for factor in Authenticator.objects.filter(type="webauthn")] == ["Phone"]


@pytest.mark.django_db(transaction=True)
def test_two_removals_at_once_leave_one(approver: User, client: Client) -> None:
    client.force_login(approver)
    show_presence(client, approver, reauthenticated=True)
    add_passkey(client, SoftPasskey())
    add_passkey(client, SoftPasskey(), name="Phone")
    factors = list(Authenticator.objects.filter(type="webauthn"))
    session = client.cookies["session"].value

    def remove(factor: Authenticator) -> None:
        browser = Client()
        browser.cookies["session"] = session
        browser.post(f"{LIST}{factor.pk}/remove/")
        connection.close()

    threads = [threading.Thread(target=remove, args=(factor,)) for factor in factors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Authenticator.objects.filter(type="webauthn").count() == 1


def settings_of(**env: str) -> str:
    code = "from django.conf import settings; print(settings.SECOND_FACTOR_ROLES)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "portal.settings", **checks.PRODUCTION, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.strip() or run.stderr.strip().rpartition("\n")[2]


def test_production_needs_it_for_three_roles_and_the_demo_for_none() -> None:
    assert settings_of() == "('approver', 'auditor', 'administrator')"
    assert settings_of(PORTAL_DEMO="1") == "()"
    assert settings_of(SECOND_FACTOR_ROLES="") == "()"
    assert "SECOND_FACTOR_ROLES names boss" in settings_of(SECOND_FACTOR_ROLES="approver,boss")
