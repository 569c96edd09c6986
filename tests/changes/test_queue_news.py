"""The open queue keeps up: what is new is announced once, what others decided names who was faster."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.http import HttpResponse
from django.test import Client

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import review, submission
from tests.changes.pages import text_of
from tests.changing import approve
from tests.people import mirrored
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]


@pytest.fixture
def submit(propose: Callable[..., Proposal], requester: User) -> Callable[[int], Change]:
    def build(identifier: int) -> Change:
        mirrored(identifier, f"S{identifier}")
        return submission.submit_change(propose(identifier=identifier, notes="x"), by=requester)

    return build


def asked_by(page: HttpResponse) -> str:
    """The address at which the page asks for news."""
    found = re.search(r'hx-get="(/queue/updates/[^"]*)"', page.content.decode())
    assert found
    return unescape(found[1])


def test_nothing_new_is_204_and_three_queries_for_the_list(
    as_person: AsPerson, approver: User, submit: Callable[[int], Change], django_assert_max_num_queries: object
) -> None:
    submit(60)
    browser = as_person(approver)
    address = asked_by(browser.get("/queue/"))
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        assert browser.get(address).status_code == 204


def test_new_ones_are_announced_once(as_person: AsPerson, approver: User, submit: Callable[[int], Change]) -> None:
    browser = as_person(approver)
    page = browser.get("/queue/")
    submit(60)
    told = browser.get(asked_by(page))
    assert "1 new change" in text_of(told)
    assert browser.get(asked_by(told)).status_code == 204
    submit(61)
    assert "2 new changes to review." in text_of(browser.get(asked_by(told)))


def test_news_bring_the_count_of_the_navigation_and_the_title_along(
    as_person: AsPerson, approver: User, approver2: User, submit: Callable[[int], Change]
) -> None:
    browser = as_person(approver)
    submit(60)
    page = browser.get("/queue/")
    taken = submit(61)
    told = browser.get(asked_by(page)).content.decode()
    assert "(2) Approvals" in told[: told.index("</title>")]
    assert re.search(r'hx-swap-oob="innerHTML:.nav-list .count">2<', told)
    approve(taken, approver2)
    page = browser.get("/queue/")
    approve(Change.objects.get(secret=60), approver2)
    told = browser.get(asked_by(page)).content.decode()
    assert "(" not in told[told.index("<title>") : told.index("</title>")]
    assert re.search(r'hx-swap-oob="innerHTML:.nav-list .count"></span>', told)


def test_news_keep_to_the_filters_of_the_page(
    as_person: AsPerson, approver: User, submit: Callable[[int], Change]
) -> None:
    browser = as_person(approver)
    page = browser.get("/queue/", {"risk": 3})
    submit(60)
    assert browser.get(asked_by(page)).status_code == 204


def test_what_another_decided_is_out_of_reach_and_names_who_was_faster(
    as_person: AsPerson, approver: User, approver2: User, submit: Callable[[int], Change]
) -> None:
    taken, no, back = submit(60), submit(61), submit(62)
    browser = as_person(approver)
    page = browser.get("/queue/")
    approve(taken, approver2)
    review.reject_change(
        no.pk, by=approver2, revision=1, digest=no.get_current_revision().digest, reason="No", recent_auth=PRESENT
    )
    submission.withdraw_change(back.pk, by=back.requester)
    told = browser.get(asked_by(page))
    words = text_of(told)
    assert "Already approved by approver2." in words
    assert "Already rejected by approver2." in words
    assert "Withdrawn by requester." in words
    body = told.content.decode()
    for change in (taken, no, back):
        assert f'innerHTML:#pick-{change.pk}"' in body
    assert body.count('"innerHTML:#decide"') == 1
    assert browser.get(asked_by(told)).status_code == 204


@pytest.mark.parametrize("asked", ["", "since=x", "since=2026-01-01T00:00:00Z&shown=a.b", "since=%00&told=-1"])
def test_odd_questions_have_no_answer(asked: str, as_person: AsPerson, approver: User) -> None:
    assert as_person(approver).get(f"/queue/updates/?{asked}").status_code == 204
