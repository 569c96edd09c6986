"""Confirming who one is: by passkey, by a code or at the provider, the password last; a recovery code never does."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.models import Event
from portal.changes.models import Change, Status, Vote
from tests.accounts.soft_passkey import SoftPasskey, add_passkey, assertion, give_passkey
from tests.accounts.test_second_factor import CONFIRM, LIST, add_app, code_of, read_codes
from tests.changes.pages import ballot_of, page_of, send, text_of
from tests.people import person, show_presence
from tests.segura import events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue"), pytest.mark.shows("W07")]
ADD_PAGES = [f"{LIST}passkeys/add/", f"{LIST}app/add/", f"{LIST}recovery-codes/generate/"]
LATE = 301 / 60
PASSWORD = "approver-correct-horse"
FACTOR = {"method": "mfa", "type": "webauthn", "id": 1}


@pytest.fixture(autouse=True)
def no_guesses_yet(db: None) -> None:
    cache.clear()


def late_session(user: User, **record: Any) -> Client:
    """A session of five minutes and a second ago."""
    client = Client()
    client.force_login(user)
    show_presence(client, user, minutes_ago=LATE, **record)
    return client


def test_vote_is_confirmed_by_passkey_and_the_log_says_so(approver: User, submitted: Change) -> None:
    passkey, browser = give_passkey(approver), late_session(approver, **FACTOR)
    page = page_of(browser, submitted).content.decode()
    assert "Your browser asks for your passkey when you continue." in page
    assert 'name="password"' not in page
    answer = send(browser, "approve", submitted, ballot_of(submitted, reason="Compared"))
    assert answer.status_code == 422
    assert "Confirm with your passkey or with a code from your authenticator app." in text_of(answer)
    assert "Compared" in answer.content.decode()
    sent = ballot_of(submitted, reason="Compared", confirm_passkey=assertion(browser, passkey))
    assert send(browser, "approve", submitted, sent).status_code == 302
    (cast,) = events("vote.cast")
    assert (cast["data"]["presence_shown_with"], cast["data"]["second_factor"]) == ("webauthn", True)
    assert cast["data"]["presence_shown_at"] > cast["data"]["signed_in_at"]
    assert events("session.reauthenticated")[-1]["data"] == {"signed_in_with": ["webauthn"]}


def test_vote_is_confirmed_by_the_code_of_an_app(approver: User, submitted: Change, client: Client) -> None:
    client.force_login(approver)
    show_presence(client, approver, reauthenticated=True)
    secret = add_app(client)
    browser = late_session(approver, method="mfa", type="totp", id=1)
    wrong = send(browser, "approve", submitted, ballot_of(submitted, confirm_code="000000"))
    assert wrong.status_code == 422
    assert "This code is not valid." in text_of(wrong)
    assert send(browser, "approve", submitted, ballot_of(submitted, confirm_code=code_of(secret))).status_code == 302
    (cast,) = events("vote.cast")
    assert cast["data"]["presence_shown_with"] == "totp"


def test_password_confirms_no_user_who_has_a_second_factor(approver: User, submitted: Change) -> None:
    give_passkey(approver)
    browser = late_session(approver, **FACTOR)
    assert send(browser, "approve", submitted, ballot_of(submitted, password=PASSWORD)).status_code == 422
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert send(browser, "approve", submitted, ballot_of(submitted)).status_code == 422
    assert not Vote.objects.exists()


def test_vote_of_a_user_without_a_factor_says_that_a_password_confirmed_it(approver: User, submitted: Change) -> None:
    browser = late_session(approver)
    assert send(browser, "approve", submitted, ballot_of(submitted, password=PASSWORD)).status_code == 302
    (cast,) = events("vote.cast")
    assert (cast["data"]["presence_shown_with"], cast["data"]["second_factor"]) == ("password", False)


@pytest.mark.parametrize("verdict", ["approve", "reject", "request_changes"])
def test_recovery_code_never_counts_for_a_vote(verdict: str, approver: User, submitted: Change) -> None:
    """Neither one that signed in a minute ago, nor one that is typed where a code of the app is asked for."""
    give_passkey(approver)
    browser = Client()
    browser.force_login(approver)
    show_presence(browser, approver, method="mfa", type="recovery_codes", id=1)
    answer = send(browser, verdict, submitted, ballot_of(submitted, reason="Compared"))
    assert answer.status_code == 422
    assert "You signed in with a recovery code, which only opens Countersign." in text_of(answer)
    assert "Compared" in answer.content.decode()
    assert events("vote.refused")[-1]["data"]["rule"] == "recovery_code"
    assert not Vote.objects.exists()


def test_recovery_code_beside_a_fresh_password_does_not_count_either(approver: User, submitted: Change) -> None:
    browser = late_session(approver)
    session = browser.session
    records = session["account_authentication_methods"]
    now = records[0]["at"] + 60 * LATE
    session["account_authentication_methods"] = [
        {**records[0], "at": now},
        {"method": "mfa", "type": "recovery_codes", "id": 1, "at": now, "reauthenticated": True},
    ]
    session.save()
    assert send(browser, "approve", submitted, ballot_of(submitted)).status_code == 422


def test_typed_recovery_code_is_refused_and_not_used_up(approver: User, submitted: Change, client: Client) -> None:
    client.force_login(approver)
    show_presence(client, approver, reauthenticated=True)
    add_app(client)
    codes = read_codes(client)
    browser = late_session(approver, method="mfa", type="totp", id=1)
    answer = send(browser, "approve", submitted, ballot_of(submitted, confirm_code=codes[0]))
    assert "A recovery code does not confirm this. It was not used up." in text_of(answer)
    assert "10 codes are unused" in text_of(client.get(LIST))


def test_other_acts_ask_in_the_same_way(admin: User) -> None:
    passkey, browser = give_passkey(admin), late_session(admin, **FACTOR)
    refused = browser.post("/operations/pause/", {"reason": "Maintenance"})
    assert "Confirm with your passkey" in text_of(refused)
    sent = {"reason": "Maintenance", "confirm_passkey": assertion(browser, passkey)}
    assert browser.post("/operations/pause/", sent).status_code == 302
    other = person("other", Role.REQUESTER)
    late = late_session(admin, **FACTOR)
    refused = late.post(f"/operations/users/{other.pk}/disable/", {"reason": "Has left"})
    assert "Confirm with your passkey or with a code" in text_of(refused)


@pytest.mark.parametrize("fault", ["other key", "no PIN", "other site", "used before", "other user"])
def test_passkey_that_does_not_fit_confirms_nothing(
    fault: str, approver: User, approver2: User, submitted: Change
) -> None:
    passkey, browser = give_passkey(approver), late_session(approver, **FACTOR)
    if fault == "other key":
        passkey.key = SoftPasskey().key
    if fault == "other user":
        passkey = give_passkey(approver2)
    passkey.verifies = fault != "no PIN"
    passkey.origin = "https://evil.example" if fault == "other site" else passkey.origin
    sent = ballot_of(submitted, confirm_passkey=assertion(browser, passkey))
    if fault == "used before":
        send(browser, "reject", submitted, {**sent, "reason": ""})
        session = browser.session
        session["account_authentication_methods"] = [
            {**record, "at": record["at"] - 301} for record in session["account_authentication_methods"]
        ]
        session.save()
    answer = send(browser, "approve", submitted, sent)
    assert answer.status_code == 422
    assert not Vote.objects.exists()
    reason = "foreign_origin" if fault == "other site" else "passkey_refused"
    assert events("session.failed")[-1]["data"] == {"name": "approver", "reason": reason}


@pytest.mark.parametrize("page", ADD_PAGES)
@pytest.mark.parametrize("method", ["password", "openid_connect", "mfa"])
def test_stolen_session_cannot_add_a_factor_even_right_after_the_sign_in(
    method: str, page: str, approver: User
) -> None:
    thief = Client()
    thief.force_login(approver)
    facts = {"type": "webauthn", "id": 1} if method == "mfa" else {"proved_at": 4e9}
    show_presence(thief, approver, method=method, **facts)
    for answer in (thief.get(page), thief.post(page, {"credential": "{}", "code": "123456"})):
        assert answer.headers["Location"].startswith(CONFIRM)
    assert not Event.objects.filter(action="account.factor_added").exists()


def test_provider_user_without_any_factor_must_confirm_before_adding_one(approver: User) -> None:
    """allauth itself asks nothing of a user with neither a password nor a factor."""
    approver.set_unusable_password()
    approver.save()
    thief = late_session(approver, method="openid_connect", proved_at=0)
    assert thief.get(ADD_PAGES[0]).headers["Location"].startswith(CONFIRM)
    page = text_of(thief.get(CONFIRM))
    assert "Confirm it is you" in page


def test_step_up_of_a_user_with_a_factor_takes_no_password(approver: User) -> None:
    passkey, browser = give_passkey(approver), late_session(approver, **FACTOR)
    assert browser.post(CONFIRM, {"password": PASSWORD, "next": ADD_PAGES[1]}).status_code == 422
    show_presence(browser, approver, reauthenticated=True)  # as the page that asks for the password leaves it
    assert browser.get(ADD_PAGES[1]).headers["Location"].startswith(CONFIRM)
    sent = {"confirm_passkey": assertion(browser, passkey), "next": ADD_PAGES[1]}
    assert browser.post(CONFIRM, sent).headers["Location"] == ADD_PAGES[1]
    assert browser.get(ADD_PAGES[1]).status_code == 200


def test_recovery_code_lets_a_lost_factor_be_replaced(approver: User, client: Client, submitted: Change) -> None:
    client.force_login(approver)
    show_presence(client, approver, reauthenticated=True)
    add_app(client)
    codes = read_codes(client)
    browser = Client()
    browser.force_login(approver)
    show_presence(browser, approver, method="mfa", type="recovery_codes", id=1)
    assert browser.post(CONFIRM, {"confirm_code": codes[1], "next": ADD_PAGES[0]}).headers["Location"] == ADD_PAGES[0]
    assert add_passkey(browser, SoftPasskey()).status_code == 302
    assert send(browser, "approve", submitted, ballot_of(submitted)).status_code == 302
    assert Change.objects.get(pk=submitted.pk).status == Status.APPROVED


def test_password_confirms_the_step_of_a_user_without_a_factor(approver: User) -> None:
    browser = late_session(approver)
    wrong = browser.post(CONFIRM, {"password": "a-wrong-canary", "next": ADD_PAGES[0]})
    assert wrong.status_code == 422
    assert "a-wrong-canary" not in wrong.content.decode()
    answer = browser.post(CONFIRM, {"password": PASSWORD, "next": ADD_PAGES[0]})
    assert answer.headers["Location"] == ADD_PAGES[0]


def test_confirmation_leads_to_pages_of_the_portal_alone(approver: User) -> None:
    browser = late_session(approver)
    answer = browser.post(CONFIRM, {"password": PASSWORD, "next": "https://evil.example/"})
    assert answer.headers["Location"] == LIST


def test_removal_needs_the_step_up(approver: User) -> None:
    give_passkey(approver)
    browser = late_session(approver, **FACTOR)
    factor = Authenticator.objects.get(type="webauthn")
    assert browser.post(f"{LIST}{factor.pk}/remove/").headers["Location"].startswith(CONFIRM)
    assert Authenticator.objects.filter(pk=factor.pk).exists()
