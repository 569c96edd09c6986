"""The third verdict: an approver asks for changes, and nobody else approves until the requester has revised."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status, Verdict, Vote
from portal.changes.rules import guards
from portal.changes.workflow import review, submission
from tests.changes.pages import ballot_of, offers, page_of, send, text_of
from tests.changing import approve
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]


def ask(change: Change, by: User, reason: str = "Keep the old host too") -> Change:
    return review.request_changes(
        change.pk,
        by=by,
        revision=change.revision,
        digest=change.get_current_revision().digest,
        reason=reason,
        recent_auth=PRESENT,
    )


def queue_of(browser: Client) -> str:
    return text_of(browser.get(reverse("changes:queue")))


def test_a_request_needs_words_for_the_requester(as_person: AsPerson, approver: User, submitted: Change) -> None:
    response = send(as_person(approver), "request_changes", submitted, ballot_of(submitted, reason="  "))
    assert response.status_code == 422
    assert "Describe what to change" in text_of(response)
    assert not Vote.objects.exists()


def test_the_requester_reads_what_is_asked_and_is_led_to_revise(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    send(as_person(approver), "request_changes", submitted, ballot_of(submitted, reason="Keep the old host too"))
    submitted.refresh_from_db()
    assert submitted.status == Status.PENDING
    browser = as_person(requester)
    page = page_of(browser, submitted)
    assert "approver requested changes" in text_of(page)
    assert "Keep the old host too" in text_of(page)
    assert offers(page, "revise", submitted)
    own = text_of(browser.get(reverse("changes:mine")))
    assert "Changes requested" in own
    assert "Keep the old host too" in own


def test_nobody_else_approves_while_it_stands_and_is_told_who_asked(
    as_person: AsPerson, approver: User, approver2: User, submitted: Change
) -> None:
    ask(submitted, approver)
    browser = as_person(approver2)
    page = page_of(browser, submitted)
    assert offers(page, "reject", submitted)
    assert f'id="approve-{submitted.pk}"' not in page.content.decode()
    response = send(browser, "approve", submitted, ballot_of(submitted))
    assert response.status_code == 409
    assert "approver requested changes" in text_of(response)
    submitted.refresh_from_db()
    assert submitted.status == Status.PENDING
    assert not Vote.objects.filter(verdict=Verdict.APPROVE).exists()
    refused = Event.objects.get(action="vote.refused", change=submitted.pk)
    assert json.loads(refused.text)["data"]["rule"] == "ChangesRequested"


def test_anybody_who_decides_may_still_reject_or_ask_too(
    as_person: AsPerson, approver: User, approver2: User, submitted: Change
) -> None:
    ask(submitted, approver)
    ask(submitted, approver2, "And the tags")
    page = text_of(page_of(as_person(approver2), submitted))
    assert "Keep the old host too" in page
    assert "And the tags" in page
    review.reject_change(
        submitted.pk,
        by=approver2,
        revision=1,
        digest=submitted.get_current_revision().digest,
        reason="Not this way",
        recent_auth=PRESENT,
    )
    submitted.refresh_from_db()
    assert submitted.status == Status.REJECTED


def test_who_asked_takes_it_back_by_approving(as_person: AsPerson, approver: User, submitted: Change) -> None:
    ask(submitted, approver)
    browser = as_person(approver)
    assert "withdraws your request" in text_of(page_of(browser, submitted))
    assert send(browser, "approve", submitted, ballot_of(submitted)).status_code == 302
    submitted.refresh_from_db()
    assert submitted.status == Status.APPROVED
    assert list(Vote.objects.order_by("pk").values_list("verdict", flat=True)) == ["request_changes", "approve"]


def test_one_who_takes_it_back_does_not_speak_for_another_who_asked(
    approver: User, approver2: User, submitted: Change
) -> None:
    ask(submitted, approver)
    ask(submitted, approver2)
    assert approve(submitted, approver).status == Status.PENDING
    assert approve(submitted, approver2).status == Status.APPROVED


def test_asking_twice_is_refused(as_person: AsPerson, approver: User, submitted: Change) -> None:
    browser = as_person(approver)
    codes = [
        send(browser, "request_changes", submitted, ballot_of(submitted, reason="Keep it")).status_code
        for _ in range(2)
    ]
    assert codes == [302, 409]
    assert Vote.objects.count() == 1


def test_a_revision_answers_the_request_and_starts_the_voting_anew(
    requester: User, approver: User, approver2: User, submitted: Change, propose: Propose
) -> None:
    ask(submitted, approver)
    revised = submission.revise_change(submitted.pk, propose(tags="Cloud, EU"), by=requester)
    event = Event.objects.get(action="change.revised", change=submitted.pk)
    assert json.loads(event.text)["data"]["votes_voided"] == ["approver"]
    assert approve(revised, approver2).status == Status.APPROVED


def test_it_waits_for_its_requester_and_not_in_the_queues_of_approvers(
    as_person: AsPerson, approver: User, approver2: User, requester: User, submitted: Change, propose: Propose
) -> None:
    ask(submitted, approver)
    for person in (approver, approver2):
        assert submitted.reference not in queue_of(as_person(person))
    submission.revise_change(submitted.pk, propose(tags="Cloud, EU"), by=requester)
    for person in (approver, approver2):
        assert submitted.reference in queue_of(as_person(person))


def test_taken_back_by_one_of_two_needed_approvals_it_waits_for_the_other(
    settings: Any, as_person: AsPerson, approver: User, approver2: User, requester: User, propose: Propose
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    ask(change, approver)
    approve(change, approver)
    assert change.reference in queue_of(as_person(approver2))
    assert approve(change, approver2).status == Status.APPROVED


def test_the_requester_cannot_ask_themselves(as_person: AsPerson, requester: User, submitted: Change) -> None:
    response = send(as_person(requester), "request_changes", submitted, ballot_of(submitted, reason="Mine"))
    assert response.status_code == 403
    assert not Vote.objects.exists()


@pytest.mark.parametrize(
    "verdicts", [("approve", "approve"), ("approve", "reject"), ("request_changes", "request_changes")]
)
def test_the_database_takes_one_decision_and_one_request_of_each_person(
    verdicts: tuple[str, str], requester: User, approver: User, submitted: Change
) -> None:
    def vote(verdict: str) -> None:
        Vote.objects.create(
            change=submitted, revision=1, digest="", requester=requester, voter=approver, verdict=verdict,
            voted_at=submitted.created_at,
        )  # fmt: skip

    vote(verdicts[0])
    with pytest.raises(IntegrityError), transaction.atomic():
        vote(verdicts[1])
    vote({"approve": "request_changes", "request_changes": "approve"}[verdicts[0]])
    assert Vote.objects.count() == 2


def test_a_request_after_the_last_approval_comes_too_late(approver: User, approver2: User, submitted: Change) -> None:
    approve(submitted, approver2)
    with pytest.raises(submission.WrongState):
        ask(submitted, approver)
    submitted.refresh_from_db()
    assert submitted.status == Status.APPROVED


def test_names_of_all_who_asked_are_in_the_sentence(approver: User, approver2: User, submitted: Change) -> None:
    ask(submitted, approver)
    ask(submitted, approver2)
    found = Change.objects.get(pk=submitted.pk)
    assert guards.voter_names(guards.open_change_requests(guards.current_votes(found))) == "approver, approver2"
