"""Drafts: what a person has typed and not proposed, kept without any client secret and for that person alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.models import Change
from portal.changes.models.draft import Draft
from portal.sandbox import Sandbox
from tests.changes.pages import text_of
from tests.changes.paper import press, read_form
from tests.people import mirrored

pytestmark = pytest.mark.django_db

AsPerson = Callable[[User], Client]
URL = "/secrets/43/propose/"
CANARY = "cAnArY-typed-into-a-draft"


@pytest.fixture
def browser(segura: Sandbox, requester: User, approver: User, as_person: AsPerson) -> Client:
    mirrored()
    return as_person(requester)


def save(browser: Client, **typed: str) -> object:
    return press(browser, URL, browser.get(URL), "draft", **typed)


def test_unfinished_form_is_kept_and_gone_on_with_over_todays_values(browser: Client, segura: Sandbox) -> None:
    answer = save(browser, url="https://gcp-eu.example", users_allowed__1__name="alices")  # and no reason yet
    assert "Draft saved" in text_of(answer)  # type: ignore[arg-type]
    segura.control.edit(43, notes="Changed meanwhile", users_allowed={"pduarte": True, "newcomer": False})
    page = browser.get(URL)
    form = read_form(page)
    assert (form["url"], form["notes"]) == ("https://gcp-eu.example", "Changed meanwhile")
    assert {"alices", "newcomer", "pduarte"} <= set(form.values())
    assert "This is your draft" in text_of(page)


def test_draft_holds_no_client_secret_in_whatever_way_it_was_typed(browser: Client) -> None:
    page = press(browser, URL, browser.get(URL), "preview", secret_mode="enter", client_secret=CANARY)
    press(browser, URL, page, "draft", tags="eu")
    kept = json.dumps(list(Draft.objects.values()), default=str)
    assert '"tags": "eu"' in kept
    assert "client_secret" not in kept
    assert CANARY not in kept
    assert "sealed" not in kept
    assert not [event for event in Event.objects.all() if CANARY in event.text]


def test_draft_is_its_owners_alone(browser: Client, requester2: User, as_person: AsPerson) -> None:
    save(browser, url="https://gcp-eu.example")
    other = as_person(requester2)
    assert "https://gcp-eu.example" not in other.get(URL).content.decode()
    assert "draft" not in text_of(other.get("/secrets/43/")).lower()
    assert "Only you can see it" not in text_of(other.get("/"))
    other.post("/secrets/43/draft/discard/")
    assert "Only you can see it" in text_of(browser.get("/"))
    assert "You have a draft for this secret" in text_of(browser.get("/secrets/43/"))
    assert "This is your draft" in text_of(browser.get(URL))


def test_draft_goes_with_the_submit(browser: Client) -> None:
    save(browser, url="https://gcp-eu.example")
    page = press(browser, URL, browser.get(URL), "preview", reason="The endpoint moves")
    press(browser, URL, page, "confirm")
    assert Change.objects.get().get_current_revision().patch == {"url": "https://gcp-eu.example"}
    assert not Draft.objects.exists()


def test_second_draft_of_a_secret_takes_the_place_of_the_first_and_is_erased_by_hand(browser: Client) -> None:
    save(browser, url="https://one.example")
    save(browser, url="https://two.example")
    assert Draft.objects.get().patch == {"url": "https://two.example"}
    browser.post("/secrets/43/draft/discard/")
    assert not Draft.objects.exists()


def test_draft_of_a_month_ago_is_shown_to_nobody_and_goes_with_the_next_one(browser: Client, requester: User) -> None:
    save(browser, url="https://one.example")
    Draft.objects.update(updated_at=timezone.now() - timedelta(days=30, minutes=1), secret=44)
    assert "Only you can see it" not in text_of(browser.get("/"))
    save(browser, url="https://two.example")
    assert [draft.secret for draft in Draft.objects.all()] == [43]


def test_value_that_cannot_be_proposed_is_not_kept_and_nothing_typed_is_lost(browser: Client) -> None:
    page = save(browser, url="x" * 501, tags="kept")
    assert page.status_code == 422  # type: ignore[attr-defined]
    assert "at most 500" in text_of(page)  # type: ignore[arg-type]
    assert "Enter a reason" not in text_of(page)  # type: ignore[arg-type]
    assert read_form(page)["tags"] == "kept"
    assert not Draft.objects.exists()


def test_same_name_twice_is_said_before_it_is_kept(browser: Client) -> None:
    page = save(browser, users_allowed__1__name="alices", users_allowed__2__name="alices")
    assert "more than once" in text_of(page)  # type: ignore[arg-type]
    assert not Draft.objects.exists()
