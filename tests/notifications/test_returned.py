"""An approved change that goes back to pending: its requester and the approvers who are needed again are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import Settings

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.delivery import status_changes
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import submission
from portal.notifications import dispatch, inbox
from portal.notifications.models import Notification
from tests.changing import approve
from tests.notifications.test_telling import mail_server, tell, told  # noqa: F401 - a fixture for all of them
from tests.people import person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]


def lose_group(user: User) -> None:
    user.groups.clear()


def switch_off(user: User) -> None:
    user.is_active = False
    user.save()


@pytest.fixture
def approved_by_two(
    settings: Settings, propose: Callable[..., Proposal], requester: User, approver: User, approver2: User
) -> Change:
    """A change that two have approved; a third may decide as well."""
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    person("third", Role.APPROVER)
    approve(change, approver)
    approve(change, approver2)
    told()
    return Change.objects.get(pk=change.pk)


@pytest.mark.parametrize("lose", [lose_group, switch_off])
def test_requester_and_approvers_who_are_needed_again_learn_that_a_change_went_back(
    lose: Callable[[User], None], approved_by_two: Change, approver: User
) -> None:
    lose(approver)
    assert told() == {("requester", "returned"), ("third", "again")}


def test_approver_whose_right_came_back_is_asked_again_and_the_one_whose_vote_counts_is_not(
    approved_by_two: Change, approver: User
) -> None:
    lose_group(approver)
    roles.add_to_role(approver, Role.APPROVER)
    assert told() == {("requester", "returned"), ("third", "again"), ("approver", "again")}


def test_requester_alone_is_told_of_a_change_that_was_pending_all_the_time(
    settings: Settings, propose: Callable[..., Proposal], requester: User, approver: User, approver2: User
) -> None:
    settings.APPROVALS_REQUIRED = 2
    change = submission.submit_change(propose(), by=requester)
    approve(change, approver)
    told()
    lose_group(approver)
    assert told() == {("requester", "returned")}


def test_reminder_is_settled_once_the_change_is_approved_again(approved_by_two: Change, approver: User) -> None:
    lose_group(approver)
    tell()
    third = User.objects.get(username="third")
    reminders = Notification.objects.filter(kind="again", mail_at__isnull=False)
    assert reminders.filter(recipient=third).exists()
    approve(Change.objects.get(pk=approved_by_two.pk), third)
    tell()
    assert not reminders.exists()


def test_notice_says_that_nothing_was_sent(approved_by_two: Change) -> None:
    status_changes.mark_returned(approved_by_two, 1)
    dispatch.dispatch_events()
    notice = Notification.objects.get(kind="returned")
    sentence = str(notice.about.said) % {"number": "CR-1", "secret": "GCP", "by": ""}
    assert "no longer enough" in sentence
    assert "Nothing was sent" in sentence
    assert inbox.count_unread(approved_by_two.requester) != "0"
    assert approved_by_two.status == Status.PENDING
