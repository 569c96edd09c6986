"""What somebody typed outlives the session that the form was opened in: for its own user, and never a secret."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.changes.models import Change, Vote
from portal.sandbox import Sandbox
from tests.changes.pages import as_shown_to, ballot_of, page_of, text_of
from tests.changes.paper import read_form
from tests.people import mirrored, show_presence

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
URL = "/secrets/43/propose/"
TYPED = {"notes": "typed before the session ended", "reason": "It took me half an hour", "ticket": "OPS-42"}
CANARY = "cAnArY-typed-value"


@pytest.fixture
def browser(segura: Sandbox, requester: User, approver: User) -> Client:
    """The requester's browser, held to its CSRF token."""
    mirrored()
    return signed_in(Client(enforce_csrf_checks=True), requester)


def signed_in(browser: Client, person: User) -> Client:
    browser.force_login(person)
    show_presence(browser, person)
    return browser


def opened(browser: Client, url: str = URL) -> dict[str, str]:
    """The form as it stands, with what was typed and a client secret."""
    form = read_form(browser.get(url))
    return {**form, **TYPED, "act": "preview", "secret_mode": "enter", "client_secret": CANARY}


def rotate(browser: Client) -> None:
    """As signing out and in again in another tab does it."""
    browser.cookies.pop("csrf", None)
    for name in list(browser.cookies):
        if "csrf" in name:
            del browser.cookies[name]
    browser.get("/accounts/password/change/")


def owner_of(page: Any) -> str:
    found = re.search(r'name="owner" value="([^"]+)"', page.content.decode())
    assert found
    return found[1]


@pytest.mark.parametrize("act", ["preview", "draft", "rows:users_allowed", ""])
def test_proposal_form_of_an_earlier_session_comes_back_with_its_text_and_without_the_secret(
    act: str, browser: Client
) -> None:
    data = opened(browser) | {"act": act}
    rotate(browser)
    answer = browser.post(URL, data)
    assert answer.status_code == 403
    form = read_form(answer)
    assert {name: form[name] for name in TYPED} == TYPED
    assert "Nothing was done" in text_of(answer)
    assert CANARY not in answer.content.decode()
    assert form["kept"] == ""
    again = browser.post(URL, {**form, "act": "preview", "secret_mode": "same"})
    assert again.status_code == 200
    assert TYPED["notes"] in text_of(again)


def test_preview_of_an_earlier_session_comes_back_and_submits_nothing(browser: Client) -> None:
    page = browser.post(URL, opened(browser))
    data = read_form(page) | {"act": "confirm"}
    rotate(browser)
    answer = browser.post(URL, data)
    assert answer.status_code == 403
    assert not Change.objects.exists()
    assert browser.post(URL, {**read_form(answer), "act": "confirm"}).status_code == 302
    assert Change.objects.count() == 1


@pytest.mark.parametrize("act", ["approve", "reject", "request-changes"])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_vote_of_an_earlier_session_decides_nothing_and_keeps_its_comment(
    headers: dict[str, str], act: str, approver: User, submitted: Change
) -> None:
    browser = signed_in(Client(enforce_csrf_checks=True), approver)
    page = page_of(browser, submitted)
    data = ballot_of(submitted, reason="I read it", owner=owner_of(page)) | {"from": "queue"}
    data = as_shown_to(approver.pk, data)
    data["csrfmiddlewaretoken"] = "x" * 64
    answer = browser.post(f"/changes/{submitted.pk}/{act}/", data, headers=headers)
    assert answer.status_code == 422
    assert "I read it" in text_of(answer)
    assert "Nothing was done" in text_of(answer)
    assert not Vote.objects.exists()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.content.decode())
    assert token
    data["csrfmiddlewaretoken"] = token[1]
    assert browser.post(f"/changes/{submitted.pk}/{act}/", data, headers=headers).status_code in (200, 302)
    assert Vote.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_comment_of_an_earlier_session_is_not_said_and_keeps_its_text(
    headers: dict[str, str], approver: User, submitted: Change
) -> None:
    browser = signed_in(Client(enforce_csrf_checks=True), approver)
    data = {"key": str(uuid.uuid4()), "text": "half-typed", "owner": owner_of(page_of(browser, submitted))}
    answer = browser.post(f"/changes/{submitted.pk}/comment/", data, headers=headers)
    assert answer.status_code == 422
    assert "half-typed" in text_of(answer)
    assert submitted.comments.count() == 0  # type: ignore[attr-defined]


def test_decision_on_several_changes_of_an_earlier_session_keeps_its_reason(approver: User, submitted: Change) -> None:
    browser = signed_in(Client(enforce_csrf_checks=True), approver)
    data = {"owner": owner_of(browser.get("/queue/")), "verdict": "reject", "reason": "Not this week"}
    data["picks"] = f"{submitted.pk}.1.{submitted.get_current_revision().digest}"
    answer = browser.post("/queue/decide/", data)
    assert answer.status_code == 422
    assert "Not this week" in text_of(answer)
    assert not Vote.objects.exists()


@pytest.mark.parametrize("owner", ["of another", "", "2:forged", "1"])
def test_another_user_gets_nothing_of_what_was_typed(owner: str, browser: Client, requester2: User) -> None:
    data = opened(browser)
    if owner != "of another":
        data["owner"] = owner
    signed_in(browser, requester2)
    rotate(browser)
    answer = browser.post(URL, data)
    assert answer.status_code == 403
    assert TYPED["reason"] not in answer.content.decode()


def test_form_from_a_foreign_site_is_not_shown(browser: Client) -> None:
    answer = browser.post(URL, opened(browser), headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert TYPED["reason"] not in answer.content.decode()


def carried(answer: Any) -> dict[str, str]:
    """The hidden fields of the sign-in form that takes the input along."""
    fields = dict(re.findall(r'name="(carried|csrfmiddlewaretoken)" value="([^"]+)"', answer.content.decode()))
    assert "carried" in fields
    return fields


def sign_in_with(browser: Client, user: User, fields: dict[str, str], password: str = "") -> Any:
    typed = {"login": user.username, "password": password or f"{user.username}-correct-horse"}
    return browser.post("/accounts/login/", {**typed, **fields, "next": "/accounts/form/"}, follow=True)


def test_form_sent_signed_out_comes_back_after_sign_in_without_the_client_secret_g7(
    browser: Client, requester: User
) -> None:
    data = opened(browser) | {"secret_mode": "enter", "client_secret": CANARY}
    browser.logout()
    answer = browser.post(URL, data)
    assert answer.status_code == 401
    assert not [text for text in (*TYPED.values(), CANARY) if text in answer.content.decode()]
    wrong = sign_in_with(browser, requester, carried(answer), "wrong")
    form = sign_in_with(browser, requester, carried(wrong))
    assert {name: read_form(form)[name] for name in TYPED} == TYPED
    assert "Nothing was done" in text_of(form)
    assert CANARY not in form.content.decode()
    sent = read_form(browser.get("/accounts/form/"))  # a reload
    page = browser.post(URL, {**sent, "secret_mode": "same", "act": "preview"})
    assert "Submit for approval" in text_of(page)


def test_form_sent_signed_out_gives_another_user_nothing_g7(browser: Client, requester2: User) -> None:
    data = opened(browser)
    browser.logout()
    token = carried(browser.post(URL, data))
    answer = sign_in_with(browser, requester2, token)
    assert "opened by another user" in text_of(answer)
    assert TYPED["reason"] not in answer.content.decode()
    assert "carried" not in browser.session


def test_comment_sent_signed_out_comes_back_to_be_sent_g7(browser: Client, submitted: Change) -> None:
    requester = submitted.requester
    address = f"/changes/{submitted.pk}/"
    data = {**read_form(browser.get(address)), "owner": owner_of(browser.get(address)), "text": "typed before the end"}
    browser.logout()
    sent = browser.post(f"{address}comment/", data)
    answer = sign_in_with(browser, requester, carried(sent))
    assert "typed before the end" in answer.content.decode()
