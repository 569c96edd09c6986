"""The page of a change: what each person sees of it, in every state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.delivery import claims, status_changes
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Attempt, Change, Status, StatusCause
from portal.changes.rules import guards
from portal.changes.workflow import submission
from tests.changes.pages import edited_by, offers, page_of, text_of
from tests.changing import approve

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]
MARKUP = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


@pytest.fixture
def claimed(submitted: Change, approver: User) -> Change:
    """A change that a worker has just taken up."""
    approve(submitted, approver)
    change = claims.claim_change(submitted.pk)
    assert change is not None
    return change


def attempted(change: Change, **columns: Any) -> Attempt:
    now = timezone.now()
    return Attempt.objects.create(
        change=change,
        revision=1,
        fence=change.fence,
        digest=change.get_current_revision().digest,
        started_at=now - timedelta(seconds=2),
        finished_at=now,
        **columns,
    )


def test_requester_sees_own_change_and_no_vote(as_person: AsPerson, requester: User, submitted: Change) -> None:
    response = page_of(as_person(requester), submitted)
    words = text_of(response)
    for fact in (submitted.reference, "GCP", "https://gcp.example", "https://gcp-eu.example", "The endpoint moves"):
        assert fact in words
    assert "You can't decide a change you proposed or edited" in words
    assert not offers(response, "approve", submitted)
    assert offers(response, "withdraw", submitted)
    assert offers(response, "revise", submitted)


def test_another_requester_is_told_that_there_is_no_such_page(
    as_person: AsPerson, requester2: User, submitted: Change
) -> None:
    browser = as_person(requester2)
    assert page_of(browser, submitted).status_code == 404
    assert browser.get(reverse("changes:status", args=[submitted.pk])).status_code == 404


def test_approver_gets_the_decision_box_with_what_the_vote_is_over(
    as_person: AsPerson, approver: User, submitted: Change
) -> None:
    response = page_of(as_person(approver), submitted)
    assert offers(response, "approve", submitted)
    assert offers(response, "reject", submitted)
    assert submitted.get_current_revision().digest in response.content.decode()
    assert not offers(response, "withdraw", submitted)


@pytest.mark.parametrize("who", ["auditor", "admin"])
def test_who_only_reads_is_told_who_could_decide(
    who: str, request: pytest.FixtureRequest, as_person: AsPerson, submitted: Change
) -> None:
    response = page_of(as_person(request.getfixturevalue(who)), submitted)
    assert "Only members of Approvers can do this" in text_of(response)
    assert not offers(response, "approve", submitted)


def test_approver_who_edited_is_told_the_rule(as_person: AsPerson, approver: User, submitted: Change) -> None:
    edited_by(approver, submitted)
    response = page_of(as_person(approver), submitted)
    assert "You can't decide a change you proposed or edited" in text_of(response)
    assert not offers(response, "approve", submitted)


def test_approver_who_voted_is_told_that_another_is_needed(
    as_person: AsPerson, approver: User, submit_for_two: Change
) -> None:
    approve(submit_for_two, approver)
    response = page_of(as_person(approver), submit_for_two)
    assert "another approver is needed" in text_of(response)
    assert not offers(response, "approve", submit_for_two)


@pytest.fixture
def submit_for_two(settings: Any, propose: Propose, requester: User) -> Change:
    settings.APPROVALS_REQUIRED = 2
    return submission.submit_change(propose(), by=requester)


def test_the_page_offers_a_vote_exactly_where_the_vote_counts(
    as_person: AsPerson,
    submitted: Change,
    approver: User,
    auditor: User,
    admin: User,
    requester2: User,
    requester: User,
) -> None:
    roles.add_to_role(requester, Role.APPROVER)
    for person in (requester, auditor, admin, requester2, approver):
        offered = offers(page_of(as_person(person), submitted), "approve", submitted)
        try:
            approve(submitted, person)
        except guards.RuleViolation:
            assert not offered, person.username
        else:
            assert offered, person.username


def test_risks_are_said_before_the_buttons(
    as_person: AsPerson, approver: User, propose: Propose, requester: User
) -> None:
    proposal = propose(
        value="brand-new-value",
        url="http://elsewhere.example",
        users_allowed=[["pduarte", True], ["zoe", True]],
        groups_allowed=[["Test group", False], ["Ops", False]],
    )
    response = page_of(as_person(approver), submission.submit_change(proposal, by=requester))
    words = text_of(response)
    for sentence in (
        "to disable this secret, goes to zoe.",
        "The client secret is replaced.",
        "Can use this secret once applied: zoe. Can use this secret once applied: Ops.",
        "from gcp.example to elsewhere.example",
        "not an https address",
        "zoe no access can edit",
    ):
        assert sentence in words
    assert "brand-new-value" not in response.content.decode()


def test_an_unknown_base_is_said_plainly(
    as_person: AsPerson, approver: User, propose: Propose, requester: User
) -> None:
    change = submission.submit_change(propose(base=None, users_allowed=[["zoe", True]]), by=requester)
    words = text_of(page_of(as_person(approver), change))
    assert "The current values could not be read" in words
    assert "zoe unknown can edit" in words


def test_markup_in_every_field_is_text(as_person: AsPerson, approver: User, requester: User, propose: Propose) -> None:
    fields = dict.fromkeys(("name", "client_id", "identifier_code", "tags", "notes", "method"), MARKUP)
    shares = {"users_allowed": [[MARKUP, True]], "groups_allowed": [[MARKUP, False]]}
    proposal = propose(url="javascript:alert(1)", **fields, **shares)
    object.__setattr__(proposal, "reason", MARKUP)
    object.__setattr__(proposal, "ticket", MARKUP[:90])
    change = submission.submit_change(proposal, by=requester)
    Change.objects.filter(pk=change.pk).update(last_message=MARKUP, last_http_status=500)
    attempted(change, outcome="refused", http_status=400, message=MARKUP)
    browser = as_person(approver)
    for response in (page_of(browser, change), browser.get("/queue/"), browser.get(reverse("changes:all"))):
        body = response.content.decode()
        assert "<script>alert" not in body
        assert "<img" not in body
        assert 'href="javascript:' not in body


def test_characters_without_a_shape_are_shown(
    as_person: AsPerson, approver: User, requester: User, propose: Propose
) -> None:
    change = submission.submit_change(propose(url="https://gcp\u200b.example\u202e "), by=requester)
    words = text_of(page_of(as_person(approver), change))
    assert "https://gcp⟨U+200B⟩.example⟨U+202E⟩␣" in words


def test_earlier_revisions_stay_readable_with_their_votes(
    as_person: AsPerson, approver: User, submit_for_two: Change, propose: Propose, requester: User
) -> None:
    approve(submit_for_two, approver)
    submission.revise_change(submit_for_two.pk, propose(tags="Later"), by=requester)
    words = text_of(page_of(as_person(approver), submit_for_two))
    assert "Revision 1 by requester" in words
    assert "https://gcp-eu.example" in words
    assert "Votes on this revision (no longer count)" in words
    assert "Needs 2 more approvals" in words


def test_a_refused_change_shows_segura_verbatim_and_offers_a_retry(
    as_person: AsPerson, requester: User, claimed: Change
) -> None:
    attempted(claimed, outcome="refused", http_status=400, segura_error_code=1005, message="1005: Api secret not found")
    status_changes.mark_failed(
        claimed, StatusCause.REFUSED, code=400, number=1005, message="1005: Api secret not found"
    )
    response = page_of(as_person(requester), claimed)
    words = text_of(response)
    for fact in ("Failed", "Segura refused the change.", "400", "1005: Api secret not found", "2.0 s"):
        assert fact in words
    assert offers(response, "retry", claimed)
    assert 'name="value"' not in response.content.decode()
    assert "every 2s" not in response.content.decode()


def test_a_change_in_doubt_says_what_is_known_and_how_long_the_lane_is_held(
    as_person: AsPerson, auditor: User, claimed: Change
) -> None:
    status_changes.mark_in_doubt(claimed, StatusCause.UNANSWERED, code=504, message="The upstream server is timing out")
    words = text_of(page_of(as_person(auditor), claimed))
    assert claimed.replay_window_until is not None
    for fact in (
        "no answer shows whether it was applied",
        "before it sends anything more.",
        "Countersign is reading the secret back",
        f"Until {claimed.replay_window_until:%Y-%m-%d %H:%M:%S}",
        "every other change to this secret waits",
        "The upstream server is timing out",
    ):
        assert fact in words


def test_who_operates_can_let_a_change_be_checked_again_and_nobody_else(
    as_person: AsPerson, admin: User, approver: User, claimed: Change
) -> None:
    status_changes.escalate_to_operator(claimed, StatusCause.THIRD_VALUE)
    assert offers(page_of(as_person(admin), claimed), "recheck", claimed)
    assert not offers(page_of(as_person(approver), claimed), "recheck", claimed)


def test_who_operates_is_told_that_their_own_change_is_for_somebody_else(
    as_person: AsPerson, requester: User, claimed: Change
) -> None:
    status_changes.escalate_to_operator(claimed, StatusCause.THIRD_VALUE)
    roles.add_to_role(requester, Role.ADMINISTRATOR)
    page = page_of(as_person(requester), claimed)
    assert not offers(page, "recheck", claimed)
    assert not offers(page, "resolve", claimed)
    assert "Another administrator can check it again or resolve it" in text_of(page)


def test_an_approved_change_says_which_one_holds_the_lane(
    as_person: AsPerson, approver: User, claimed: Change, propose: Propose, requester: User
) -> None:
    waiting = approve(submission.submit_change(propose(tags="Later"), by=requester), approver)
    browser = as_person(requester)
    assert f"{claimed.reference} of the same secret comes first (Sending)." in text_of(page_of(browser, waiting))
    status_changes.mark_in_doubt(claimed, StatusCause.UNANSWERED)
    assert f"{claimed.reference} of the same secret comes first (Outcome unknown)." in text_of(
        page_of(browser, waiting)
    )
    status_changes.mark_applied(claimed, StatusCause.READ_BACK)
    assert f"may still repeat a call of {claimed.reference}. This change waits until then." in text_of(
        page_of(browser, waiting)
    )


def test_an_approved_change_says_that_an_earlier_one_goes_first(
    as_person: AsPerson, approver: User, submitted: Change, propose: Propose, requester: User
) -> None:
    later = submission.submit_change(propose(tags="Later"), by=requester)
    first = approve(submitted, approver)
    approve(later, approver)
    browser = as_person(requester)
    assert f"{first.reference} of the same secret was approved earlier" in text_of(page_of(browser, later))
    assert "A worker will send it to Segura shortly." in text_of(page_of(browser, first))


def test_an_approved_change_says_when_it_is_tried_again(as_person: AsPerson, requester: User, claimed: Change) -> None:
    status_changes.requeue_later(claimed, StatusCause.NOT_SENT, wait_s=600)
    words = text_of(page_of(as_person(requester), claimed))
    assert "The update was not sent this time." in words
    assert f"The next try is at {claimed.not_before:%Y-%m-%d %H:%M:%S}" in words


def test_a_stale_change_offers_its_requester_to_revise(as_person: AsPerson, requester: User, claimed: Change) -> None:
    status_changes.mark_stale(claimed, StatusCause.BASE_MOVED)
    response = page_of(as_person(requester), claimed)
    assert "Someone changed the secret in Segura after the proposal" in text_of(response)
    assert offers(response, "revise", claimed)


def test_only_auditors_are_led_to_the_log(
    as_person: AsPerson, auditor: User, approver: User, submitted: Change
) -> None:
    timeline = reverse("audit:change_timeline", args=[submitted.pk])
    assert timeline in page_of(as_person(auditor), submitted).content.decode()
    assert timeline not in page_of(as_person(approver), submitted).content.decode()


def test_the_page_asks_as_much_for_a_long_history_as_for_a_short_one(
    as_person: AsPerson,
    approver: User,
    requester: User,
    submit_for_two: Change,
    propose: Propose,
    django_assert_max_num_queries: Any,
) -> None:
    browser = as_person(approver)
    with django_assert_max_num_queries(13):  # twelve questions, and the mark that the notifications are read
        page_of(browser, submit_for_two)
    for index in range(4):
        submission.revise_change(submit_for_two.pk, propose(tags=f"T{index}"), by=requester)
        submission.submit_change(propose(tags=f"Other {index}"), by=requester)
        Change.objects.filter(pk=submit_for_two.pk).update(fence=index)
        submit_for_two.refresh_from_db()
        attempted(submit_for_two, outcome="not_sent")
    for person, most in ((approver, 13), (requester, 14)):  # the navigation counts what needs the requester
        browser = as_person(person)
        with django_assert_max_num_queries(most):
            page_of(browser, submit_for_two)


@pytest.mark.parametrize("status", Status.values)
def test_every_status_has_a_page(status: str, as_person: AsPerson, auditor: User, submitted: Change) -> None:
    Change.objects.filter(pk=submitted.pk).update(status=status)
    response = page_of(as_person(auditor), submitted)
    assert response.status_code == 200
    assert f'data-status="{status}"' in response.content.decode()
