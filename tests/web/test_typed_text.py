"""Text that was typed into a form is in the page that follows, whatever way the request ends; no secret ever is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.handlers.base import BaseHandler
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client

from portal.accounts.limits import LimitReached
from portal.accounts.models import User
from portal.accounts.typed_forms import sign_owner
from tests.changes.pages import text_of
from tests.changes.paper import press, read_form
from tests.changes.test_typed_text import carried
from tests.web.addresses import Address
from tests.web.cast import Cast, undone
from tests.web.test_forgery import TAKING_POSTS, able
from tests.web.test_permission_matrix import name_of

pytestmark = [pytest.mark.django_db]

TYPED = {
    "save_filter": "name",
    "changes:propose": "notes",
    "changes:revise": "notes",
    "changes:revert": "reason",
    "changes:decide": "reason",
    "changes:approve": "reason-{digest}",
    "changes:reject": "reason-{digest}",
    "changes:request_changes": "reason-{digest}",
    "changes:comment": "text",
    "changes:resolve": "reason",
    "changes:save_template": "name",
    "operations:pause": "reason",
    "operations:add_user": "reason",
    "operations:give_roles": "reason",
    "operations:take_roles": "reason",
    "operations:disable_user": "reason",
    "operations:enable_user": "reason",
    "operations:reject_proposal": "reason",
    "vote_keys:revoke": "reason",
}
"""What a person types there, by the name of its control."""
NO_TEXT = {
    "account_login": "a user name and a password, which the browser keeps",
    "account_logout": "a button",
    "account_reauthenticate": "a password",
    "account_change_password": "passwords",
    "mfa_authenticate": "a code",
    "passkey_options": "nothing: a browser asks",
    "mfa_login_webauthn": "nothing: a browser signs",
    "mfa_add_webauthn": "the name of a passkey, which is offered again",
    "mfa_activate_totp": "a code",
    "remove_factor": "a button",
    "mfa_generate_recovery_codes": "a button",
    "set_theme": "a choice",
    "set_language": "a choice",
    "delete_filter": "a button",
    "catalog:synchronise": "a button",
    "changes:discard": "a button",
    "undo_deletion": "a button",
    "changes:withdraw": "a button",
    "changes:sign_vote": "the text to sign, which the script of the form asks for",
    "changes:sign_bulk": "the text to sign, which the script of the form asks for",
    "vote_keys:enrol_options": "the options of a passkey, which the script of the form asks for",
    "vote_keys:confirm_options": "the text to sign, which the script of the form asks for",
    "changes:check_base": "a button",
    "changes:resolve_thread": "a button",
    "changes:reopen_thread": "a button",
    "changes:retry": "a client secret and a password",
    "changes:recheck": "a password",
    "changes:delete_template": "a button",
    "notifications:read": "a button",
    "notifications:subscribe": "three buttons",
    "sign_out_device": "a button",
    "notifications:preferences": "choices",
    "operations:resume": "a password",
    "operations:approve_proposal": "a password",
    "operations:adopt_proposal": "a password",
    "operations:withdraw_proposal": "a button",
    "operations:test_connection": "a button",
    "audit:verify": "a button",
}
ENDINGS: dict[str, tuple[Callable[[], Exception], int]] = {
    "over a limit": (lambda: LimitReached(3, timedelta(minutes=10), timedelta(minutes=10)), 429),
    "database away": (lambda: OperationalError("connection refused"), 503),
    "connection closed": (lambda: InterfaceError("connection already closed"), 503),
    "disk full": (lambda: OperationalError("No space left on device"), 503),
    "failure": (lambda: RuntimeError("a failure of the portal"), 500),
    "gone": (Http404, 404),
    "right lost": (PermissionDenied, 403),
    "not readable": (lambda: BadRequest("odd"), 400),
}
TEXT = 'It took me <half> an hour & "more"'
CANARY = "cAnArY-typed-secret"
WITH_TEXT = [address for address in TAKING_POSTS if address.name in TYPED]


def typed_into(cast: Cast, address: Address, browser: Client, role: str) -> dict[str, Any]:
    """What a browser would send from that form, with a text and with secrets."""
    path, data = address.path(**cast.numbers()), cast.told(address.name, role)
    if address.name in ("changes:propose", "changes:revise", "changes:revert"):
        data = {**read_form(browser.get(path)), "act": "preview", "reason": "Moved", "secret_mode": "enter"}
    data[TYPED[address.name].format(digest=cast.change.get_current_revision().digest)] = TEXT
    secrets = dict.fromkeys(("password", "client_secret", "value"), CANARY)
    return {**data, **secrets, "owner": sign_owner(cast.people[role].pk)}


def words(response: HttpResponse) -> str:
    return unescape(response.content.decode())


def kept_in(response: HttpResponse) -> dict[str, str]:
    """The form to send again."""
    forms = re.findall(r"<form[^>]*after-problem.*?</form>", response.content.decode(), flags=re.DOTALL)
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', "".join(forms))
    return {name: unescape(value) for name, value in found}


def sign_in_again(browser: Client, user: User, answer: HttpResponse) -> HttpResponse:
    """Sign in on the page that says that the session ended; return the page that shows the form again."""
    user.set_password(CANARY)
    user.save()
    sent = {"login": user.username, "password": CANARY, "next": "/accounts/form/", **carried(answer)}
    browser.post("/accounts/login/", sent)
    return browser.get("/accounts/form/")


def end_by(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let every view raise this."""

    def fail(_request: HttpRequest, *_: object, **__: object) -> HttpResponse:
        raise error

    monkeypatch.setattr(BaseHandler, "make_view_atomic", lambda _self, _view: fail)


def test_every_form_of_the_portal_is_known_to_take_text_or_not() -> None:
    assert sorted([*TYPED, *NO_TEXT]) == sorted(address.name for address in TAKING_POSTS)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("address", WITH_TEXT, ids=name_of)
def test_error_page_keeps_what_was_typed_and_sends_it_again(
    cast: Cast, address: Address, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, status = ENDINGS[ending]
    cast.prepare(address.name)
    role = able(address)
    browser, path = cast.browser(role, enforce_csrf_checks=True), address.path(**cast.numbers())
    browser.get("/accounts/password/change/")
    data = typed_into(cast, address, browser, role)
    data["csrfmiddlewaretoken"] = token_of(browser)
    with monkeypatch.context() as patch:
        end_by(patch, error())
        answer = browser.post(path, data)
    assert answer.status_code == status
    assert CANARY not in words(answer)
    kept = kept_in(answer)
    assert kept[TYPED[address.name].format(digest=cast.change.get_current_revision().digest)] == TEXT
    with undone():
        again = browser.post(path, {**kept, "secret_mode": "same"})
    edits_again = address.name in ("changes:revise", "changes:revert")
    conflict = edits_again and TEXT in words(again)  # its base has changed in Segura
    assert again.status_code in (200, 302) or conflict, text_of(again)


def token_of(browser: Client) -> str:
    return next(cookie.value for name, cookie in browser.cookies.items() if "csrf" in name)


@pytest.mark.parametrize("address", WITH_TEXT, ids=name_of)
def test_form_of_an_earlier_session_keeps_what_was_typed(cast: Cast, address: Address) -> None:
    cast.prepare(address.name)
    role = able(address)
    browser = cast.browser(role, enforce_csrf_checks=True)
    data = typed_into(cast, address, browser, role)
    answer = browser.post(address.path(**cast.numbers()), {**data, "csrfmiddlewaretoken": "x" * 64})
    assert answer.status_code in (403, 422)
    assert TEXT in words(answer)
    assert CANARY not in words(answer)


@pytest.mark.parametrize("address", WITH_TEXT, ids=name_of)
def test_form_without_a_session_keeps_what_was_typed_until_its_user_has_signed_in(cast: Cast, address: Address) -> None:
    cast.prepare(address.name)
    role, path = able(address), address.path(**cast.numbers())
    browser = cast.browser(role, enforce_csrf_checks=True)
    data = typed_into(cast, address, browser, role)
    browser.logout()
    answer = browser.post(path, {**data, "csrfmiddlewaretoken": "x" * 64})
    assert answer.status_code == 401
    assert CANARY not in words(answer)
    assert TEXT in words(sign_in_again(browser, cast.people[role], answer))


@pytest.mark.parametrize("ending", [*ENDINGS, "earlier session", "foreign site"])
@pytest.mark.parametrize("address", WITH_TEXT, ids=name_of)
def test_error_page_shows_nothing_of_what_another_user_typed(
    cast: Cast, address: Address, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = able(address)
    cast.prepare(address.name)
    browser = cast.browser(role, enforce_csrf_checks=True)
    data = typed_into(cast, address, browser, role)
    browser.get("/accounts/password/change/")
    data |= {"csrfmiddlewaretoken": token_of(browser)}
    headers = {"Origin": "https://evil.example"} if ending == "foreign site" else {}
    if ending == "earlier session":
        data["csrfmiddlewaretoken"] = "x" * 64
    if ending != "foreign site":
        data["owner"] = sign_owner(cast.people["disabled"].pk)
    with monkeypatch.context() as patch:
        if ending in ENDINGS:
            end_by(patch, ENDINGS[ending][0]())
        answer = browser.post(address.path(**cast.numbers()), data, headers=headers)
    if answer.status_code in (500, 503):  # the database is away: nobody can say who asked, and the forged is sent back
        assert CANARY not in words(answer)
    else:
        assert TEXT not in words(answer)


def test_form_that_was_forged_while_the_database_was_away_is_forged_when_it_is_sent_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = cast.browser("approver", enforce_csrf_checks=True)
    path = f"/changes/{cast.change.pk}/comment/"
    forged = {"text": TEXT, "owner": sign_owner(cast.people["other"].pk), "csrfmiddlewaretoken": "x" * 64}
    with monkeypatch.context() as patch:
        patch.setattr("portal.web.user_locale.UserLocaleMiddleware.__call__", lambda *_: 1 / 0)
        answer = browser.post(path, forged)
    assert answer.status_code == 500
    assert browser.post(path, kept_in(answer)).status_code == 403


@pytest.mark.parametrize("loss", ["session", "limit"])
def test_preview_that_could_not_be_submitted_holds_the_proposal(
    cast: Cast, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, path = cast.browser("owner"), f"/secrets/{cast.secret.pk}/propose/"
    page = press(browser, path, browser.get(path), "preview", notes=TEXT, reason="Moved", secret_mode="same")
    data = {**read_form(page), "act": "confirm"}
    if loss == "session":
        browser.logout()
        kept = read_form(sign_in_again(browser, cast.people["owner"], browser.post(path, data)))
    else:
        with monkeypatch.context() as patch:
            end_by(patch, ENDINGS["over a limit"][0]())
            kept = kept_in(browser.post(path, data))
    answer = browser.post(path, {**kept, "act": "back"})
    assert TEXT in words(answer)


@pytest.mark.parametrize("size", [3_000_000, 2_200_000])
def test_form_that_is_too_large_says_so_and_that_nothing_was_done(cast: Cast, size: int) -> None:
    browser = cast.browser("approver")
    data = {"text": "x" * size, "owner": sign_owner(cast.people["approver"].pk)}
    answer = browser.post(f"/changes/{cast.change.pk}/comment/", data)
    assert answer.status_code == 413
    assert "nothing was done" in text_of(answer)


def test_page_knows_how_large_a_form_may_be(cast: Cast) -> None:
    page = cast.browser("owner").get("/").content.decode()
    assert f'data-largest="{settings.DATA_UPLOAD_MAX_MEMORY_SIZE}"' in page
