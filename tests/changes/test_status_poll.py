"""The status of a change refreshes itself, and stays silent while nothing has moved."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.changes.delivery import claims, status_changes
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, StatusCause
from portal.changes.workflow import submission
from tests.changes.pages import offers, page_of, text_of
from tests.changing import approve

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]


def poll(browser: Client, page: HttpResponse) -> HttpResponse:
    """What the page itself asks two seconds later."""
    found = re.search(r'hx-get="([^"]+/status/[^"]+)"', page.content.decode())
    assert found is not None
    return browser.get(unescape(found[1]), headers={"HX-Request": "true"})


def test_nothing_moved_is_no_content(
    as_person: AsPerson, approver: User, submitted: Change, django_assert_max_num_queries: Any
) -> None:
    browser = as_person(approver)
    page = page_of(browser, submitted)
    with django_assert_max_num_queries(4):
        response = poll(browser, page)
    assert (response.status_code, response.content) == (204, b"")


def test_a_move_is_shown_announced_and_takes_the_buttons_away(
    as_person: AsPerson, approver: User, approver2: User, submitted: Change
) -> None:
    browser = as_person(approver2)
    page = page_of(browser, submitted)
    assert offers(page, "approve", submitted)
    approve(submitted, approver)
    moved = poll(browser, page)
    assert moved.status_code == 200
    assert "<html" not in moved.content.decode()
    assert f"{submitted.reference} is now: Approved." in text_of(moved)
    assert 'hx-swap-oob="innerHTML:#announcement"' in moved.content.decode()
    assert not offers(moved, "approve", submitted)
    assert poll(browser, moved).status_code == 204


def test_a_vote_that_decides_nothing_yet_is_shown_too(
    as_person: AsPerson, approver: User, requester: User, propose: Callable[..., Proposal], settings: Settings
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    browser = as_person(requester)
    page = page_of(browser, change)
    approve(change, approver)
    moved = poll(browser, page)
    assert moved.status_code == 200
    assert "approver" in text_of(moved)
    assert poll(browser, moved).status_code == 204


def test_polling_ends_with_the_change(as_person: AsPerson, approver: User, requester: User, submitted: Change) -> None:
    approve(submitted, approver)
    browser = as_person(requester)
    page = page_of(browser, submitted)
    change = claims.claim_change(submitted.pk)
    assert change is not None
    status_changes.mark_applied(change, StatusCause.CONFIRMED, code=201)
    ended = poll(browser, page)
    assert "Segura confirmed the change" in text_of(ended)
    assert "every 2s" not in ended.content.decode()


def test_a_page_of_an_old_revision_gets_no_box_for_the_new_one(
    as_person: AsPerson, approver: User, requester: User, submitted: Change, propose: Callable[..., Proposal]
) -> None:
    browser = as_person(approver)
    page = page_of(browser, submitted)
    submission.revise_change(submitted.pk, propose(tags="Later"), by=requester)
    for _ in range(2):
        page = moved = poll(browser, page)
        assert "This change was revised while you were reading." in text_of(moved)
        assert not offers(moved, "approve", submitted)
        assert "seen=1." in moved.content.decode()
        submitted.refresh_from_db()
        submission.revise_change(submitted.pk, propose(tags="Later still"), by=requester)


@pytest.mark.parametrize("seen", ["", "nonsense", "².pending.1", "9" * 400])
def test_a_damaged_token_gets_the_fragment(seen: str, as_person: AsPerson, approver: User, submitted: Change) -> None:
    address = reverse("changes:status", args=[submitted.pk])
    response = as_person(approver).get(address, {"seen": seen})
    assert response.status_code == 200
    assert not offers(response, "approve", submitted)


def test_an_ended_session_leads_the_whole_page_to_signing_in(submitted: Change) -> None:
    address = reverse("changes:status", args=[submitted.pk])
    here = f"http://testserver/changes/{submitted.pk}/"
    response = Client().get(address, headers={"HX-Request": "true", "HX-Current-URL": here})
    assert response.headers["HX-Redirect"] == f"/accounts/login/?next=/changes/{submitted.pk}/"


@pytest.mark.parametrize("seen", ["9" * 5000, "9" * 19 + ".pending", "\0", "-1.x"])
def test_odd_question_is_answered_with_the_status(
    as_person: AsPerson, approver: User, submitted: Change, seen: str
) -> None:
    response = as_person(approver).get(reverse("changes:status", args=[submitted.pk]), {"seen": seen})
    assert response.status_code == 200
