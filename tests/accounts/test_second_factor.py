"""Second factors of a user: added after a step-up, used to sign in, removed, stored encrypted, and in the log."""

from __future__ import annotations

import json
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts import sessions
from portal.accounts.factors.adapter import PortalMFAAdapter
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.accounts.typed_forms import sign_owner
from portal.audit.models import Event
from portal.changes.workflow import key_rotation
from portal.common import keyring
from tests.accounts.soft_passkey import ADD, SoftPasskey, add_passkey, assertion, creation_options, give_passkey
from tests.changes.pages import text_of
from tests.people import person, show_presence
from tests.segura import events

pytestmark = [pytest.mark.django_db]
LIST, APP = "/accounts/second-factor/", "/accounts/second-factor/app/add/"
CONFIRM, CODES = "/accounts/second-factor/confirm/", "/accounts/second-factor/recovery-codes/"
STEP = "/accounts/second-factor/authenticate/"
PASSWORD = {"login": "maria", "password": "maria-correct-horse"}


@pytest.fixture
def maria(client: Client) -> User:
    """Signed in, in `client`, and confirmed since."""
    cache.clear()
    user = person("maria", Role.APPROVER)
    client.force_login(user)
    show_presence(client, user, reauthenticated=True)
    return user


def code_of(secret: str) -> str:
    """The code that an app shows now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def add_app(client: Client) -> str:
    """Add an authenticator app; its secret."""
    page = client.get(APP).content.decode()
    found = re.search(r'<span class="mono">([A-Z2-7]{32})</span>', page)
    assert found, page
    answer = client.post(APP, {"code": code_of(found[1])})
    assert answer.status_code == 302, text_of(answer)
    cache.clear()  # the code may be used again, instead of waiting for the next one
    return found[1]


def read_codes(client: Client) -> list[str]:
    return re.findall(r"\b\d{8}\b", client.get(CODES).content.decode().partition("<pre")[2].partition("</pre>")[0])


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_first_passkey_is_added_with_recovery_codes_and_is_in_the_log(client: Client, maria: User) -> None:
    old = client.cookies["session"].value
    answer = add_passkey(client, SoftPasskey())
    assert answer.headers["Location"] == CODES
    assert client.cookies["session"].value != old
    assert len(read_codes(client)) == 10
    page = text_of(client.get(LIST))
    assert "Laptop" in page
    assert "10 codes are unused" in page
    added = events("account.factor_added")
    assert [(event["actor"], event["data"]["factor"]) for event in added] == [
        ("maria", "webauthn"),
        ("maria", "recovery_codes"),
    ]
    assert added[0]["data"]["name"] == "Laptop"


def test_recovery_codes_are_shown_once(client: Client, maria: User) -> None:
    add_passkey(client, SoftPasskey())
    codes = read_codes(client)
    again = client.get(CODES)
    assert not [code for code in codes if code in again.content.decode()]
    assert "The codes were shown once already." in text_of(again)
    assert client.post(f"{CODES}generate/").status_code == 302
    renewed = read_codes(client)
    assert len(renewed) == 10
    assert not set(renewed) & set(codes)


def test_app_is_added_by_its_first_code_and_its_secret_rests_encrypted(client: Client, maria: User) -> None:
    page = client.get(APP).content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    secret = add_app(client)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        stored = " ".join(row[0] for row in cursor.fetchall())
    sealed = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored
    assert PortalMFAAdapter().decrypt(sealed) == secret
    with pytest.raises(keyring.CannotDecrypt):
        PortalMFAAdapter().decrypt(sealed[:-8] + "AAAAAAA=")
    assert not Event.objects.filter(text__contains=secret).exists()


def test_secret_of_an_app_waits_in_the_session_encrypted(client: Client, maria: User) -> None:
    page = client.get(APP).content.decode()
    (secret,) = re.findall(r'<span class="mono">([A-Z2-7]{32})</span>', page)
    assert secret not in json.dumps(dict(SessionStore(client.session.session_key).items()))
    assert "mfa.totp.secret" not in client.session


def test_wrong_first_code_adds_no_app_and_is_in_the_log(client: Client, maria: User) -> None:
    client.get(APP)
    answer = client.post(APP, {"code": "000000"})
    assert "This code is not valid." in text_of(answer)
    assert not Authenticator.objects.exists()
    assert events("session.failed")[-1]["data"] == {"name": "maria", "reason": "wrong_code"}


@pytest.mark.parametrize("fault", ["another site", "another port", "no PIN", "another challenge", "garbage"])
def test_passkey_that_is_not_of_this_page_is_not_added(fault: str, client: Client, maria: User) -> None:
    passkey = SoftPasskey("evil.example" if fault == "another site" else "localhost")
    passkey.origin = {"another site": "https://evil.example", "another port": "http://localhost:1"}.get(
        fault, passkey.origin
    )
    passkey.verifies = fault != "no PIN"
    options = creation_options(client.get(ADD).content.decode())
    if fault == "another challenge":
        client.get(ADD)
    credential = json.dumps(passkey.create(options))
    if fault == "garbage":
        credential = credential.replace('attestationObject": "', 'attestationObject": "AAAA')
    page = text_of(client.post(ADD, {"name": "Laptop", "credential": credential}))
    said = "was used on another site" if fault.startswith("another s") or fault == "another port" else "not accepted"
    assert said in page
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(
    "sent", ["", "[]", "7", '{"response": 7}', "{" * 3000, '{"response": {"clientDataJSON": "!"}}']
)
def test_nonsense_instead_of_a_passkey_is_refused_in_words(sent: str, client: Client, maria: User) -> None:
    assert client.post(ADD, {"name": "x", "credential": sent}).status_code == 200
    assert not Authenticator.objects.exists()


def test_name_of_the_site_is_that_of_the_base_url_and_not_of_the_host_header(
    client: Client, maria: User, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    options = creation_options(client.get(ADD, HTTP_HOST="evil.example").content.decode())
    assert options["rp"] == {"id": "localhost", "name": "Countersign"}
    assert options["authenticatorSelection"] == {
        "residentKey": "preferred",
        "requireResidentKey": False,
        "userVerification": "required",
    }


def test_sign_in_with_password_and_passkey(client: Client, maria: User) -> None:
    passkey, browser = give_passkey(maria), Client()
    assert browser.post("/accounts/login/", {**PASSWORD, "next": "/queue/"}).headers["Location"] == STEP
    assert not is_signed_in(browser)
    assert "Use your passkey" in text_of(browser.get(STEP))
    answer = browser.post(STEP, {"credential": assertion(browser, passkey)})
    assert answer.headers["Location"] == "/queue/"
    assert is_signed_in(browser)
    assert events("session.started")[-1]["data"] == {"signed_in_with": ["password", "webauthn"]}
    assert events("session.factor_used")[-1]["data"]["factor"] == "webauthn"


def test_sign_in_with_password_and_app_takes_each_code_once(client: Client, maria: User) -> None:
    secret = add_app(client)
    first, second = Client(), Client()
    for browser in (first, second):
        browser.post("/accounts/login/", PASSWORD)
    code = code_of(secret)
    assert first.post(STEP, {"code": code}).status_code == 302
    assert is_signed_in(first)
    page = text_of(second.post(STEP, {"code": code}))
    assert "This code is not valid." in page
    assert not is_signed_in(second)


def test_recovery_code_signs_in_once(client: Client, maria: User) -> None:
    add_passkey(client, SoftPasskey())
    code = read_codes(client)[0]
    first, second = Client(), Client()
    for browser in (first, second):
        browser.post("/accounts/login/", PASSWORD)
        browser.post(STEP, {"code": code})
    assert (is_signed_in(first), is_signed_in(second)) == (True, False)
    assert events("session.started")[-1]["data"] == {"signed_in_with": ["password", "recovery_codes"]}
    assert events("session.failed")[-1]["data"]["reason"] == "wrong_code"


def test_guesses_at_codes_meet_a_limit_of_their_own(client: Client, maria: User) -> None:
    secret, browser = add_app(client), Client()
    browser.post("/accounts/login/", PASSWORD)
    for _ in range(5):
        browser.post(STEP, {"code": "000000"})
    page = text_of(browser.post(STEP, {"code": code_of(secret)}))
    assert "Too many wrong codes. Try again at " in page
    assert not is_signed_in(browser)
    assert events("session.failed")[-1]["data"]["reason"] == "too many attempts"


def test_passkey_signs_in_alone_where_no_provider_is_configured(client: Client, maria: User) -> None:
    passkey, browser = give_passkey(maria), Client()
    assert "Sign in with a passkey" in text_of(browser.get("/accounts/login/"))
    answer = browser.post("/accounts/second-factor/passkey-sign-in/", {"credential": assertion(browser, passkey)})
    assert answer.headers["Location"] == "/"
    assert is_signed_in(browser)
    assert events("session.started")[-1]["data"] == {"signed_in_with": ["webauthn"]}


def test_passkey_of_a_switched_off_account_signs_nobody_in(client: Client, maria: User) -> None:
    passkey, browser = give_passkey(maria), Client()
    User.objects.update(is_active=False)
    browser.post("/accounts/second-factor/passkey-sign-in/", {"credential": assertion(browser, passkey)})
    assert not is_signed_in(browser)


def test_passkey_signs_nobody_in_past_a_provider(client: Client, maria: User, settings: Settings) -> None:
    passkey, browser = give_passkey(maria), Client()
    sent = {"credential": assertion(browser, passkey)}
    settings.OIDC_ISSUER, settings.OIDC_PROVIDER_NAME = "https://id.example", "Example"
    assert "Sign in with a passkey" not in text_of(browser.get("/accounts/login/"))
    assert browser.post("/accounts/second-factor/passkey-sign-in/", sent).status_code == 404
    assert browser.post("/accounts/second-factor/passkey-options/").status_code == 404
    assert not is_signed_in(browser)


def test_removed_factor_is_gone_with_its_recovery_codes_and_in_the_log(client: Client, maria: User) -> None:
    add_passkey(client, SoftPasskey())
    factor = Authenticator.objects.get(type="webauthn")
    assert "Remove Laptop?" in text_of(client.get(LIST))
    assert client.post(f"{LIST}{factor.pk}/remove/").headers["Location"] == LIST
    assert not Authenticator.objects.exists()
    assert {event["data"]["factor"] for event in events("account.factor_removed")} == {"webauthn", "recovery_codes"}


def test_factor_of_another_user_cannot_be_removed(client: Client, maria: User) -> None:
    give_passkey(person("jose"))
    factor = Authenticator.objects.get(type="webauthn")
    assert client.post(f"{LIST}{factor.pk}/remove/").status_code == 404
    assert Authenticator.objects.filter(pk=factor.pk).exists()


def test_form_of_an_ended_session_comes_back_after_the_second_step(client: Client, maria: User) -> None:
    """The second step is a request of its own, which does not carry the form."""
    passkey, browser = give_passkey(maria), Client()
    browser.force_login(maria)
    sent = {"name": "My filter", "owner": sign_owner(maria.pk)}
    browser.logout()
    answer = browser.post("/saved-filters/", sent)
    carried = answer.content.decode().partition('name="carried" value="')[2].partition('"')[0]
    browser.post("/accounts/login/", {**PASSWORD, "next": "/accounts/form/", "carried": carried})
    answer = browser.post(STEP, {"credential": assertion(browser, passkey)})
    assert answer.headers["Location"] == "/accounts/form/"
    assert "My filter" in browser.get("/accounts/form/").content.decode()


def test_rotation_of_the_encryption_keys_takes_the_factors_along(
    client: Client, maria: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = add_app(client)
    old = keyring.get_keyring()
    new = keyring.KeyRing({"new": b"n" * 32, **old.keys})
    monkeypatch.setattr(keyring, "get_keyring", lambda: new)
    assert key_rotation.count_values_by_key() == {old.active: 2}
    done = key_rotation.rotate_encryption_key(by="root")
    assert (done.moved, done.left) == (2, {})
    assert events("encryption_key.rotated")[-1]["data"] == {"rows": 2, "key": "new", "old_keys": [old.active]}
    monkeypatch.setattr(keyring, "get_keyring", lambda: keyring.KeyRing({"new": b"n" * 32}))
    browser = Client()
    browser.post("/accounts/login/", PASSWORD)
    browser.post(STEP, {"code": code_of(secret)})
    assert is_signed_in(browser)


def test_end_of_all_sessions_ends_a_sign_in_that_waits_for_its_second_step(approver: User, requester: User) -> None:
    for user in (approver, requester):
        waiting = SessionStore()
        waiting["account_login"] = {"user_pk": str(user.pk)}
        waiting.save()
    sessions.end_all_sessions(approver)
    (left,) = (session.get_decoded() for session in Session.objects.all())
    assert left["account_login"]["user_pk"] == str(requester.pk)
