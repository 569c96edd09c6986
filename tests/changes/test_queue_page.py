"""The queue: only what this person may decide, in order, and one decision after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import submission
from portal.notifications import inbox
from tests.changes.pages import as_shown_to, ballot_of, edited_by, offers, send, text_of
from tests.changing import approve
from tests.people import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
QUEUE = "/queue/"
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]


@pytest.fixture
def submit(propose: Propose, requester: User) -> Callable[..., Change]:
    """Another pending change, on a secret of its own."""

    def build(name: str = "GCP", identifier: int = 43, by: User = requester, **patch: Any) -> Change:
        mirrored(identifier, name)
        return submission.submit_change(propose(identifier=identifier, **patch), by=by)

    return build


def test_queue_is_for_approvers_only(as_person: AsPerson, requester: User, auditor: User, admin: User) -> None:
    for person in (requester, auditor, admin):
        assert as_person(person).get(QUEUE).status_code == 403


def test_a_superuser_has_no_queue(as_person: AsPerson, requester: User) -> None:
    requester.is_superuser = requester.is_staff = True
    requester.save()
    assert as_person(requester).get(QUEUE).status_code == 403


def test_queue_shows_what_waits_with_its_facts(as_person: AsPerson, approver: User, submitted: Change) -> None:
    words = text_of(as_person(approver).get(QUEUE))
    for fact in (
        "1 change",
        submitted.reference,
        "GCP",
        "requester",
        "URL",
        "Other host",
        "0 of 1 approvals",
        "The endpoint moves",
    ):
        assert fact in words


def test_the_longest_waiting_comes_first(as_person: AsPerson, approver: User, submit: Callable[..., Change]) -> None:
    first, second = submit(), submit("AWS", 44)
    body = as_person(approver).get(QUEUE).content.decode()
    assert body.index(f'id="row-{first.pk}"') < body.index(f'id="row-{second.pk}"')


def test_own_edited_voted_and_decided_changes_are_not_in_the_queue(
    as_person: AsPerson, approver: User, submit: Callable[..., Change], settings: Any
) -> None:
    settings.APPROVALS_REQUIRED = 2
    roles.add_to_role(approver, Role.REQUESTER)
    submit(by=approver)
    approve(submit("AWS", 44), approver)
    ended = submit("Azure", 45)
    submission.withdraw_change(ended.pk, by=ended.requester)
    edited = submit("Edited", 46)
    edited_by(approver, edited)
    response = as_person(approver).get(QUEUE)
    assert response.context["rows"] == []
    assert "You're all caught up" in text_of(response)


def test_search_finds_by_name_and_by_number(as_person: AsPerson, approver: User, submit: Callable[..., Change]) -> None:
    gcp, aws = submit(), submit("AWS", 44)
    browser = as_person(approver)
    for asked, found in (("aws", aws), (f"cr-{gcp.pk}", gcp), (str(aws.pk), aws)):
        rows = browser.get(QUEUE, {"q": asked}).context["rows"]
        assert [row.change.pk for row in rows] == [found.pk], asked
    assert "No matching changes" in text_of(browser.get(QUEUE, {"q": "nothing like this"}))


def test_the_count_stops_at_its_limit(
    as_person: AsPerson, approver: User, submit: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "COUNT_LIMIT", 1)
    submit()
    assert inbox.count_queue_and_unread(approver)[0] == "1"
    submit("AWS", 44)
    assert inbox.count_queue_and_unread(approver)[0] == "1+"
    assert "1+ change" in text_of(as_person(approver).get(QUEUE))


def test_navigation_counts_what_waits_for_approvers_and_for_nobody_else(
    as_person: AsPerson, approver: User, requester: User, submitted: Change
) -> None:
    assert str(as_person(approver).get(reverse("changes:all")).context["queue_count"]) == "1"
    assert "queue_count" not in as_person(requester).get(reverse("changes:mine")).context


def test_pages_go_on_where_they_stopped(
    as_person: AsPerson, approver: User, submit: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.changes.views.queue.MOST", 2)
    numbers = [submit(f"S{index}", 60 + index).pk for index in range(3)]
    browser = as_person(approver)
    page = browser.get(QUEUE)
    rest = browser.get(QUEUE, {"at": page.context["page"].older})
    assert [row.change.pk for row in (*page.context["rows"], *rest.context["rows"])] == numbers


def test_opening_one_by_htmx_shows_it_beside_the_list(
    as_person: AsPerson, approver: User, submit: Callable[..., Change]
) -> None:
    submit()
    second = submit("AWS", 44)
    response = as_person(approver).get(QUEUE, {"open": second.pk}, headers={"HX-Request": "true"})
    assert "<html" not in response.content.decode()
    assert response.context["panel"].row.change == second
    assert offers(response, "approve", second)


def test_after_a_decision_the_row_is_gone_and_the_next_is_open(
    as_person: AsPerson, approver: User, submit: Callable[..., Change]
) -> None:
    first, second, third = submit(), submit("AWS", 44), submit("Azure", 45)
    browser = as_person(approver)
    response = browser.post(
        reverse("changes:approve", args=[second.pk]),
        {**as_shown_to(approver.pk, ballot_of(second)), "from": "queue"},
        headers={"HX-Request": "true"},
        follow=True,
    )
    assert [row.change.pk for row in response.context["rows"]] == [first.pk, third.pk]
    assert response.context["panel"].row.change == third
    assert f"You approved {second.reference}" in text_of(response)
    assert Change.objects.get(pk=second.pk).status == Status.APPROVED


def test_a_rejection_without_reason_is_said_in_the_panel(
    as_person: AsPerson, approver: User, submitted: Change
) -> None:
    data = {**ballot_of(submitted), "from": "queue"}
    response = send(as_person(approver), "reject", submitted, data, **{"HX-Request": "true"})
    assert response.status_code == 422
    assert "<html" not in response.content.decode()
    assert "Add a reason" in text_of(response)


def test_a_vote_over_an_old_revision_is_refused_in_the_panel_with_the_difference(
    as_person: AsPerson, approver: User, submitted: Change, propose: Propose, requester: User
) -> None:
    data = {**ballot_of(submitted, reason="no, because"), "from": "queue"}
    submission.revise_change(submitted.pk, propose(url="https://third.example"), by=requester)
    response = send(as_person(approver), "reject", submitted, data, **{"HX-Request": "true"})
    assert response.status_code == 409
    words = text_of(response)
    assert "From revision 1, which you saw, to revision 2" in words
    assert "https://third.example" in words
    assert "no, because" in words
    assert ballot_of(submitted)["digest"] in response.content.decode()


def test_the_queue_asks_as_much_for_many_rows_as_for_one(
    as_person: AsPerson,
    approver: User,
    submit: Callable[..., Change],
    django_assert_max_num_queries: Any,
) -> None:
    browser = as_person(approver)
    for index in range(8):
        submit(f"S{index}", 60 + index, value="a-new-value")
        if index in (0, 7):
            with django_assert_max_num_queries(12):
                browser.get(QUEUE)


@pytest.mark.parametrize(
    "question", ["open=" + "9" * 5000, "open=" + "9" * 19, "open=-1", "open=%00", "q=%00", "q=a%00b"]
)
def test_odd_questions_are_no_failure(as_person: AsPerson, approver: User, submitted: Change, question: str) -> None:
    browser = as_person(approver)
    for headers in ({}, {"HX-Request": "true"}):
        response = browser.get(f"{QUEUE}?{question}", headers=headers)
        assert response.status_code == 200
        assert submitted.reference in text_of(response)
