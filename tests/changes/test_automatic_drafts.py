"""Automatic saves of an open form: without client secrets, one page at a time, and never a reason to stay signed in."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from portal.accounts.models import User
from portal.changes.models.draft import Draft
from portal.sandbox import Sandbox
from tests.changes.pages import text_of
from tests.changes.paper import read_form
from tests.people import mirrored

pytestmark = pytest.mark.django_db
AsPerson = Callable[[User], Client]
URL, SAVE = "/secrets/43/propose/", "/secrets/43/draft/"
CANARY = "cAnArY-typed-and-saved"


@pytest.fixture
def browser(segura: Sandbox, requester: User, approver: User, as_person: AsPerson) -> Client:
    mirrored()
    return as_person(requester)


def autosave(browser: Client, page: Any, tab: str, saves: int, **typed: str) -> Any:
    """What draft.js sends of a page."""
    return browser.post(SAVE, {**read_form(page), **typed, "tab": tab, "saves": str(saves)})


def new_tab() -> str:
    return str(uuid.uuid4())


def test_what_is_typed_is_saved_and_the_form_opens_with_it_p5(browser: Client) -> None:
    answer = autosave(browser, browser.get(URL), new_tab(), 1, url="not yet an address", reason="Half a sen")
    assert answer.content.decode().startswith("Saved ")
    form = read_form(browser.get(URL))
    assert (form["url"], form["reason"]) == ("not yet an address", "Half a sen")


def test_client_secret_is_not_saved_even_where_it_is_sent(browser: Client) -> None:
    typed = {"secret_mode": "enter", "client_secret": CANARY, "tags": "eu"}
    autosave(browser, browser.get(URL), new_tab(), 1, **typed)
    assert Draft.objects.get().patch == {"tags": "eu"}
    answer = autosave(browser, browser.get(URL), new_tab(), 1, **typed | {"notes": f"It is {CANARY}"})
    assert answer.status_code == 422
    assert CANARY not in str(list(Draft.objects.values()))


def test_page_does_not_overwrite_what_another_tab_has_saved(browser: Client) -> None:
    first, second = browser.get(URL), browser.get(URL)
    tabs = new_tab(), new_tab()
    assert autosave(browser, first, tabs[0], 1, tags="first").status_code == 200
    answer = autosave(browser, second, tabs[1], 1, tags="second")
    assert answer.status_code == 409
    assert "another tab" in answer.content.decode()
    assert autosave(browser, first, tabs[0], 3, tags="first again").status_code == 200
    assert autosave(browser, first, tabs[0], 2, tags="late").status_code == 409
    assert Draft.objects.get().patch == {"tags": "first again"}
    assert autosave(browser, browser.get(URL), new_tab(), 1, tags="third").status_code == 200


def test_edit_that_is_taken_back_leaves_no_draft(browser: Client) -> None:
    page, tab = browser.get(URL), new_tab()
    autosave(browser, page, tab, 1, tags="eu")
    autosave(browser, page, tab, 2)
    assert not Draft.objects.exists()


def test_automatic_save_does_not_extend_the_session(browser: Client) -> None:
    page = browser.get(URL)
    before = Session.objects.get(pk=browser.session.session_key).expire_date
    answer = autosave(browser, page, new_tab(), 1, tags="eu")
    assert answer.status_code == 200
    assert not answer.cookies
    assert browser.get("/notifications/unread/").cookies.get("session") is None
    assert Session.objects.get(pk=browser.session.session_key).expire_date == before


def test_save_draft_keeps_the_form_open_and_says_when(browser: Client) -> None:
    page = browser.post(URL, {**read_form(browser.get(URL)), "act": "draft", "tags": "eu"})
    assert page.status_code == 200
    assert "Draft saved" in text_of(page)
    assert read_form(page)["tags"] == "eu"
    assert autosave(browser, page, new_tab(), 1, tags="eu,us").status_code == 200


def test_discarded_draft_comes_back_by_undo_z2(browser: Client) -> None:
    autosave(browser, browser.get(URL), new_tab(), 1, tags="eu")
    page = browser.post("/secrets/43/draft/discard/", follow=True)
    assert "Draft deleted. Undo" in text_of(page)
    assert not Draft.objects.exists()
    assert read_form(browser.post("/undo/", follow=True))["tags"] == "eu"


def test_generate_after_typing_a_value_is_reviewed_without_an_error_p2(browser: Client) -> None:
    typed = {"secret_mode": "generate", "client_secret": CANARY, "reason": "The old value was shared", "act": "preview"}
    page = browser.post(URL, {**read_form(browser.get(URL)), **typed})
    assert "Submit for approval" in text_of(page)
    assert "New client secret" in text_of(page)
    assert CANARY not in page.content.decode()


def test_address_that_runs_code_is_refused_at_its_field_p4(browser: Client) -> None:
    typed = {"url": "javascript:alert(1)", "reason": "The address moves", "act": "preview"}
    page = browser.post(URL, {**read_form(browser.get(URL)), **typed})
    assert page.status_code == 422
    assert "must begin with https:// or http://" in str(page.context["edit"].form.errors["url"])
