"""A refused step without script: a whole page, in the layout, with the right code, the rule, and a way on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal, encode_proposal
from portal.changes.models import Change
from portal.changes.workflow import review
from tests.changes.pages import ballot_of, send, text_of
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db
AsPerson = Callable[[User], Client]


def whole(response: HttpResponse, code: int) -> str:
    page = response.content.decode()
    assert response.status_code == code
    assert 'class="framed"' in page, "in the layout, with the navigation"
    assert '<main id="main"' in page
    assert 'class="notice notice-' in page
    return text_of(response)


def test_a_step_that_somebody_else_overtook_is_a_409_with_what_stands_now(
    submitted: Change, approver: User, approver2: User, as_person: AsPerson
) -> None:
    ballot = ballot_of(submitted)
    review.reject_change(
        submitted.pk, by=approver2, revision=1, digest=ballot["digest"], reason="No", recent_auth=PRESENT
    )
    said = whole(send(as_person(approver), "approve", submitted, ballot), 409)
    assert "has changed since you opened it. Its status now: Rejected" in said
    assert "Status Rejected" in said


def test_an_input_that_a_rule_refuses_is_a_422_with_the_rule(
    submitted: Change, approver: User, as_person: AsPerson
) -> None:
    said = whole(send(as_person(approver), "reject", submitted, ballot_of(submitted, reason=" ")), 422)
    assert "reason" in said


def test_a_person_who_may_not_is_told_the_rule_by_a_403(
    submitted: Change, requester: User, as_person: AsPerson
) -> None:
    whole(send(as_person(requester), "approve", submitted, ballot_of(submitted)), 403)


def test_too_many_proposals_are_a_429_that_says_when_and_keeps_what_was_typed(
    propose: Callable[..., Proposal], requester: User, as_person: AsPerson, settings: Settings
) -> None:
    settings.CHANGE_SUBMITS_PER_HOUR = 1
    browser = as_person(requester)
    answers = []
    for _ in range(2):
        proposal = propose()
        sent = {"act": "confirm", "proposal": encode_proposal(proposal, requester)}
        answers.append(browser.post(f"/secrets/{proposal.secret}/propose/", sent))
    assert answers[0].status_code == 302
    said = whole(answers[1], 429)
    assert "hour" in said
    assert 'name="proposal"' in answers[1].content.decode()
