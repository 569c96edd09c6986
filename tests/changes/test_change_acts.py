"""What people do with a change by page and by crafted POST, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.models import Event
from portal.changes.approvals import valid_votes
from portal.changes.delivery import claims, status_changes
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status, StatusCause, Vote
from portal.changes.rules import guards
from portal.changes.workflow import submission
from tests.changes.pages import ballot_of, edited_by, page_of, send, text_of
from tests.changing import approve

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]
ACTS = ("approve", "reject", "withdraw", "retry", "recheck")


def failed(change: Change, by: User) -> Change:
    approve(change, by)
    taken = claims.claim_change(change.pk)
    assert taken is not None
    status_changes.mark_failed(taken, StatusCause.REFUSED, code=400, number=1005, message="1005: no access")
    return taken


def status_of(change: Change) -> str:
    return Change.objects.get(pk=change.pk).status


def test_approving_leads_back_to_the_change_with_a_word(as_person: AsPerson, approver: User, submitted: Change) -> None:
    browser = as_person(approver)
    response = send(browser, "approve", submitted, ballot_of(submitted, reason="Checked"))
    assert response.headers["Location"] == reverse("changes:change", args=[submitted.pk])
    words = text_of(page_of(browser, submitted))
    assert f"You approved {submitted.reference}" in words
    assert "Checked" in words
    assert status_of(submitted) == Status.APPROVED


def test_rejecting_needs_a_reason_and_keeps_it(as_person: AsPerson, approver: User, submitted: Change) -> None:
    browser = as_person(approver)
    response = send(browser, "reject", submitted, ballot_of(submitted, reason="   "))
    assert response.status_code == 422
    assert "Add a reason" in text_of(response)
    assert status_of(submitted) == Status.PENDING
    send(browser, "reject", submitted, ballot_of(submitted, reason="Wrong host"))
    assert status_of(submitted) == Status.REJECTED
    assert "Wrong host" in text_of(page_of(browser, submitted))


@pytest.mark.parametrize("reason", ["x" * 4001, "a\x00b"])
def test_a_reason_that_cannot_be_kept_is_said_at_its_field(
    reason: str, as_person: AsPerson, approver: User, submitted: Change
) -> None:
    response = send(as_person(approver), "reject", submitted, ballot_of(submitted, reason=reason))
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()
    assert status_of(submitted) == Status.PENDING


@pytest.mark.shows("W04")
def test_requester_cannot_approve_own_change_by_crafted_post(
    as_person: AsPerson, requester: User, submitted: Change
) -> None:
    roles.add_to_role(requester, Role.APPROVER)
    requester.is_superuser = True
    requester.save()
    response = send(as_person(requester), "approve", submitted, ballot_of(submitted))
    assert response.status_code == 403
    assert "You can't decide a change you proposed or edited" in text_of(response)
    assert not Vote.objects.exists()
    assert Event.objects.filter(action="vote.refused", change=submitted.pk).exists()


@pytest.mark.shows("W04")
def test_approver_who_edited_cannot_vote_by_crafted_post(
    as_person: AsPerson, approver: User, submitted: Change
) -> None:
    edited_by(approver, submitted)
    assert send(as_person(approver), "approve", submitted, ballot_of(submitted)).status_code == 403
    assert status_of(submitted) == Status.PENDING


@pytest.mark.shows("W04")
@pytest.mark.parametrize("how", ["requester", "editor"])
def test_where_the_rule_has_failed_the_database_refuses_and_is_heard_as_the_rule(
    how: str,
    as_person: AsPerson,
    requester: User,
    approver: User,
    submitted: Change,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guards, "is_own_change", lambda *_: False)
    roles.add_to_role(requester, Role.APPROVER)
    if how == "editor":
        edited_by(approver, submitted)
    person = {"requester": requester, "editor": approver}[how]
    response = send(as_person(person), "approve", submitted, ballot_of(submitted))
    assert response.status_code == 403
    assert "You can't decide a change you proposed or edited" in text_of(response)
    assert status_of(submitted) == Status.PENDING
    assert not Vote.objects.exists()
    refused = Event.objects.get(action="vote.refused", change=submitted.pk)
    assert '"rule":"OwnChange"' in refused.text


def test_where_the_rule_has_failed_the_database_counts_a_person_once(
    as_person: AsPerson, approver: User, submitted: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "find_vote_violation", lambda *_, **__: None)
    monkeypatch.setattr(valid_votes, "is_approved", lambda *_: False)
    browser = as_person(approver)
    assert send(browser, "approve", submitted, ballot_of(submitted)).status_code == 302
    response = send(browser, "approve", submitted, ballot_of(submitted))
    assert response.status_code == 409
    assert "You have voted on this revision" in text_of(response)
    assert Vote.objects.count() == 1


@pytest.mark.parametrize("superuser", [False, True])
def test_administrator_cannot_vote_by_crafted_post(
    superuser: bool, as_person: AsPerson, admin: User, submitted: Change
) -> None:
    admin.is_superuser = superuser
    admin.save()
    response = send(as_person(admin), "approve", submitted, ballot_of(submitted))
    assert response.status_code == 403
    assert "Only members of Approvers" in text_of(response)
    assert status_of(submitted) == Status.PENDING


@pytest.mark.parametrize("act", ACTS)
def test_to_a_stranger_a_change_does_not_exist(
    act: str, as_person: AsPerson, requester2: User, submitted: Change
) -> None:
    assert send(as_person(requester2), act, submitted, ballot_of(submitted)).status_code == 404
    assert status_of(submitted) == Status.PENDING


@pytest.mark.parametrize("act", ACTS)
def test_acts_are_posts_by_signed_in_people_on_changes_that_exist(
    act: str, as_person: AsPerson, approver: User, submitted: Change
) -> None:
    address = reverse(f"changes:{act}", args=[submitted.pk])
    browser = as_person(approver)
    assert browser.get(address).status_code == 405
    assert Client().post(address).headers["Location"].startswith("/accounts/login/")
    missing = reverse(f"changes:{act}", args=[submitted.pk + 1000])
    assert browser.post(missing, {"revision": 1, "digest": "d"}).status_code == 404


def test_acts_need_the_token_of_the_page(approver: User, submitted: Change) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(approver)
    assert send(browser, "approve", submitted, ballot_of(submitted)).status_code == 403
    assert status_of(submitted) == Status.PENDING


@pytest.mark.shows("W03")
def test_a_vote_over_an_old_revision_shows_the_difference_and_a_fresh_box(
    as_person: AsPerson, approver: User, submitted: Change, propose: Propose, requester: User
) -> None:
    seen = ballot_of(submitted)
    submission.revise_change(submitted.pk, propose(url="https://third.example", value="now-a-secret-too"), by=requester)
    browser = as_person(approver)
    response = send(browser, "approve", submitted, seen)
    assert response.status_code == 409
    words = text_of(response)
    assert "This change was revised while you were reading." in words
    assert "From revision 1, which you saw, to revision 2" in words
    assert "A different client secret is proposed." in words
    difference = response.context["refusal"]["difference"]
    assert [(field.old, field.new) for field in difference.fields] == [
        ("https://gcp-eu.example", "https://third.example")
    ]
    fresh = ballot_of(submitted)
    assert fresh["digest"] in response.content.decode()
    assert seen["digest"] not in response.content.decode().split('id="acts"')[1]
    assert send(browser, "approve", submitted, fresh).status_code == 302


def test_a_digest_that_is_not_the_revisions_is_refused(as_person: AsPerson, approver: User, submitted: Change) -> None:
    response = send(as_person(approver), "approve", submitted, {"revision": 1, "digest": "0" * 64})
    assert response.status_code == 409
    assert status_of(submitted) == Status.PENDING


def test_a_second_click_is_told_that_the_first_one_counted(
    as_person: AsPerson, approver: User, submitted: Change
) -> None:
    browser, data = as_person(approver), ballot_of(submitted)
    send(browser, "approve", submitted, data)
    response = send(browser, "approve", submitted, data)
    assert response.status_code == 409
    assert f"You have already approved {submitted.reference}. Its status now: Approved." in text_of(response)
    assert Vote.objects.count() == 1


def test_who_comes_second_is_told_what_the_first_decided(
    as_person: AsPerson, approver: User, approver2: User, submitted: Change
) -> None:
    data = ballot_of(submitted)
    send(as_person(approver), "reject", submitted, ballot_of(submitted, reason="No"))
    response = send(as_person(approver2), "approve", submitted, data)
    assert response.status_code == 409
    assert f"{submitted.reference} has changed since you opened it. Its status now: Rejected." in text_of(response)


def test_withdrawing_twice_is_one_withdrawal(as_person: AsPerson, requester: User, submitted: Change) -> None:
    browser = as_person(requester)
    assert send(browser, "withdraw", submitted).status_code == 302
    response = send(browser, "withdraw", submitted)
    assert response.status_code == 409
    assert f"You have already withdrawn {submitted.reference}." in text_of(response)


def test_only_its_requester_withdraws(as_person: AsPerson, approver: User, submitted: Change) -> None:
    response = send(as_person(approver), "withdraw", submitted)
    assert response.status_code == 403
    assert "Only its requester can withdraw a change." in text_of(response)


def test_a_failed_change_is_retried_under_its_votes(
    as_person: AsPerson, approver: User, requester: User, submitted: Change
) -> None:
    change = failed(submitted, approver)
    assert send(as_person(requester), "retry", change).status_code == 302
    assert status_of(change) == Status.APPROVED
    assert send(as_person(requester), "retry", change).status_code == 409


def test_a_retry_asks_for_the_approved_value_and_never_shows_it_again(
    as_person: AsPerson, approver: User, requester: User, propose: Propose
) -> None:
    change = failed(submission.submit_change(propose(value="the-approved-value"), by=requester), approver)
    browser = as_person(requester)
    assert 'name="value"' in page_of(browser, change).content.decode()
    for typed in ("", "another-value"):
        response = send(browser, "retry", change, {"value": typed})
        assert response.status_code == 422
        assert "Enter the client secret that was approved" in text_of(response)
        assert "another-value" not in response.content.decode()
        assert status_of(change) == Status.FAILED
    assert send(browser, "retry", change, {"value": "the-approved-value"}).status_code == 302
    assert status_of(change) == Status.APPROVED


def test_a_retry_after_too_many_wrong_values_says_so_at_the_field(
    as_person: AsPerson, approver: User, requester: User, propose: Propose
) -> None:
    change = failed(submission.submit_change(propose(value="the-approved-value"), by=requester), approver)
    browser = as_person(requester)
    for _ in range(5):
        send(browser, "retry", change, {"value": "another-value"})
    response = send(browser, "retry", change, {"value": "the-approved-value"})
    assert response.status_code == 422
    assert "Too many wrong values within an hour" in text_of(response)
    assert status_of(change) == Status.FAILED


def test_only_who_operates_lets_it_be_checked_again(
    as_person: AsPerson, approver: User, admin: User, submitted: Change
) -> None:
    approve(submitted, approver)
    change = claims.claim_change(submitted.pk)
    assert change is not None
    status_changes.escalate_to_operator(change, StatusCause.THIRD_VALUE)
    assert send(as_person(approver), "recheck", change).status_code == 403
    assert send(as_person(admin), "recheck", change).status_code == 302
    assert status_of(change) == Status.IN_DOUBT
    assert send(as_person(admin), "recheck", change).status_code == 409


def test_nobody_has_their_own_change_checked_again(as_person: AsPerson, requester: User, submitted: Change) -> None:
    Change.objects.update(status=Status.NEEDS_ATTENTION)
    roles.add_to_role(requester, Role.ADMINISTRATOR)
    refused = send(as_person(requester), "recheck", submitted)
    assert (refused.status_code, status_of(submitted)) == (403, Status.NEEDS_ATTENTION)
