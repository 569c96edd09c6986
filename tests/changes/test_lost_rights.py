"""A user who loses the right to decide loses it everywhere: on every page, in the decision and at the delivery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.delivery import deliver, readback, sweep
from portal.changes.delivery.readback import Readback
from portal.changes.domain import policy
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status, StatusCause, Vote
from portal.changes.rules.guards import VotesLapsed
from portal.changes.workflow import manual_resolution, review, submission
from portal.sandbox import Sandbox
from tests.changes.pages import page_of, text_of
from tests.changing import approve, work
from tests.people import person
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
Propose = Callable[..., Proposal]
AsPerson = Callable[[User], Client]


def lose_by_console(user: User) -> None:
    call_command("user", user.username, "--no-role", verbosity=0)


def lose_by_console_disabled(user: User) -> None:
    call_command("user", user.username, "--disable", verbosity=0)


def lose_group(user: User) -> None:
    user.groups.clear()


def lose_group_by_removal(user: User) -> None:
    user.groups.remove(Group.objects.get(name=Role.APPROVER))


def lose_group_from_its_side(user: User) -> None:
    Group.objects.get(name=Role.APPROVER).user_set.remove(user)


def lose_group_cleared_from_its_side(user: User) -> None:
    Group.objects.get(name=Role.APPROVER).user_set.clear()


def lose_group_by_set(user: User) -> None:
    user.groups.set([Group.objects.get(name=Role.AUDITOR)])


def lose_permission_of_the_group(user: User) -> None:
    Group.objects.get(name=Role.APPROVER).permissions.clear()


def lose_permission_from_its_side(user: User) -> None:
    Permission.objects.get(codename="decide").group_set.clear()


def lose_deleted_group(user: User) -> None:
    Group.objects.get(name=Role.APPROVER).delete()


def lose_activity(user: User) -> None:
    user.is_active = False
    user.save()


def lose_as_demo(user: User) -> None:
    user.is_demo = True
    user.save(update_fields=["is_demo"])


LOSSES = [
    lose_by_console,
    lose_by_console_disabled,
    lose_group,
    lose_group_by_removal,
    lose_group_from_its_side,
    lose_group_cleared_from_its_side,
    lose_group_by_set,
    lose_permission_of_the_group,
    lose_permission_from_its_side,
    lose_deleted_group,
    lose_activity,
    lose_as_demo,
]


def lose_past_every_signal(user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_user_groups WHERE user_id = %s", [user.pk])


def get_back(user: User) -> User:
    roles.add_to_role(user, Role.APPROVER)
    return User.objects.get(pk=user.pk)


@pytest.fixture
def for_two(settings: Any, live_base: Any, propose: Propose, requester: User) -> Change:
    """A pending change that two have to approve."""
    settings.APPROVALS_REQUIRED = 2
    return submission.submit_change(propose(base=live_base), by=requester)


@pytest.mark.parametrize("lose", LOSSES)
def test_approved_change_returns_to_pending_with_its_first_deadline(
    lose: Callable[[User], None], segura: Sandbox, for_two: Change, approver: User, approver2: User
) -> None:
    deadline = for_two.expires_at
    approve(for_two, approver)
    approve(for_two, approver2)
    lose(approver)
    change = Change.objects.get(pk=for_two.pk)
    assert (change.status, change.cause) == (Status.PENDING, StatusCause.VOTE_VOIDED)
    assert change.expires_at == deadline == policy.pending_deadline(change.get_current_revision().created_at)
    assert change.approved_at is None
    assert Vote.objects.get(voter=approver).voided_at is not None
    voided = {event["data"]["person"] for event in events("vote.voided")}
    assert approver.username in voided
    assert work(change).status == Status.PENDING
    assert segura.control.arrivals("update") == []


def test_approved_change_waits_for_the_approvals_that_a_stricter_policy_asks_for(
    settings: Any,
    segura: Sandbox,
    live_base: Any,
    propose: Propose,
    requester: User,
    approver: User,
    approver2: User,
) -> None:
    change = submission.submit_change(propose(base=live_base), by=requester)
    assert approve(change, approver).status == Status.APPROVED
    settings.APPROVALS_REQUIRED = 2
    assert work(change).status == Status.PENDING
    assert change.cause == StatusCause.VOTE_VOIDED
    assert segura.control.arrivals("update") == []
    assert approve(change, approver2).status == Status.APPROVED
    assert work(change).status == Status.APPLIED


def test_voter_who_got_the_right_back_votes_once_more_and_the_change_is_sent(
    segura: Sandbox, for_two: Change, approver: User, approver2: User
) -> None:
    approve(for_two, approver)
    approve(for_two, approver2)
    lose_group(approver)
    approver = get_back(approver)
    for_two.refresh_from_db()
    assert for_two.status == Status.PENDING  # voided for good: the right alone brings no vote back
    assert Change.objects.awaiting_decision_by(approver).filter(pk=for_two.pk).exists()
    assert approve(for_two, approver).status == Status.APPROVED
    assert work(for_two).status == Status.APPLIED


def test_first_of_two_voters_loses_the_right_before_the_second_votes(
    for_two: Change, approver: User, approver2: User, auditor: User, as_person: AsPerson
) -> None:
    approve(for_two, approver)
    lose_by_console(approver)
    assert approve(for_two, approver2).status == Status.PENDING
    reader = as_person(auditor)
    assert "Needs 1 more approval" in text_of(page_of(reader, for_two))
    for page in (page_of(reader, for_two), reader.get(reverse("changes:all"))):
        assert "No one can approve this now" in text_of(page)  # the second one is the only approver left
    assert "An administrator can give more people the approver role" in text_of(page_of(reader, for_two))
    third = person("third", Role.APPROVER)
    for page in (page_of(reader, for_two), reader.get(reverse("changes:all"))):
        assert "No one can approve this now" not in text_of(page)
    assert "1 more approval needed" in text_of(reader.get(reverse("changes:all")))
    assert "Needs 1 more approval" in text_of(page_of(as_person(third), for_two))
    assert approve(for_two, third).status == Status.APPROVED


def test_right_lost_past_every_signal_counts_nowhere(
    for_two: Change, approver: User, approver2: User, auditor: User, as_person: AsPerson
) -> None:
    approve(for_two, approver)
    lose_past_every_signal(approver)
    assert "Needs 2 more approvals" in text_of(page_of(as_person(auditor), for_two))
    assert approve(for_two, approver2).status == Status.PENDING
    assert Vote.objects.get(voter=approver).voided_at is not None
    assert "Needs 1 more approval" in text_of(page_of(as_person(auditor), for_two))
    assert approve(for_two, get_back(approver)).status == Status.APPROVED


def test_delivery_gives_back_a_change_whose_voter_lost_the_right_unseen(
    segura: Sandbox, for_two: Change, approver: User, approver2: User
) -> None:
    approve(for_two, approver)
    change = approve(for_two, approver2)
    lose_past_every_signal(approver)
    assert (work(change).status, change.cause) == (Status.PENDING, StatusCause.VOTE_VOIDED)
    assert segura.control.arrivals("update") == []
    (returned,) = events("change.returned")
    assert (returned["data"]["from"], returned["data"]["missing"]) == ("sending", 1)
    assert approve(change, get_back(approver)).status == Status.APPROVED
    assert work(change).status == Status.APPLIED


def test_right_lost_while_the_secret_is_read_stops_the_call(
    segura: Sandbox, approved: Callable[..., Change], approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = readback.read_back

    def slowly(client: Any, secret: int) -> Readback:
        found = read(client, secret)
        lose_group(approver)
        return found

    monkeypatch.setattr(deliver.readback, "read_back", slowly)
    change = approved()
    assert work(change).status == Status.PENDING
    assert segura.control.arrivals("update") == []


def test_change_that_may_have_been_sent_is_left_to_an_administrator(
    segura: Sandbox, approved: Callable[..., Change], approver: User
) -> None:
    change = approved()
    segura.control.plan("504_before_apply", endpoint="update", identifier=43)
    assert work(change).status == Status.IN_DOUBT
    lose_group(approver)
    change.refresh_from_db()
    assert change.status == Status.IN_DOUBT
    Change.objects.update(replay_window_until=None, not_before=None)
    assert (work(change, rounds=2).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.APPROVAL_OVER)
    assert len(segura.control.arrivals("update")) == 1


def test_failed_change_is_not_retried_under_a_voided_vote(
    segura: Sandbox, approved: Callable[..., Change], approver: User, requester: User
) -> None:
    change = approved()
    segura.control.plan("refuse:1005:no", endpoint="update", identifier=43)
    assert work(change).status == Status.FAILED
    lose_group(approver)
    get_back(approver)
    with pytest.raises(VotesLapsed):
        manual_resolution.retry_change(change.pk, by=requester, recent_auth=PRESENT)


def test_pending_change_whose_votes_are_enough_is_approved_when_rights_change(
    for_two: Change, approver: User, approver2: User
) -> None:
    """As after a right that was lost and came back, neither of them seen."""
    approve(for_two, approver)
    approve(for_two, approver2)
    Change.objects.update(status=Status.PENDING, expires_at=timezone.now() + timedelta(days=1))
    get_back(approver)  # the group is set once more
    lose_past_every_signal(approver)
    get_back(approver)
    for_two.refresh_from_db()
    assert for_two.status == Status.APPROVED
    assert events("vote.voided") == []


def test_request_for_changes_of_a_user_without_the_right_stands_in_nobodys_way(
    submitted: Change, approver: User, approver2: User
) -> None:
    digest = submitted.get_current_revision().digest
    review.request_changes(submitted.pk, by=approver, revision=1, digest=digest, reason="Not so", recent_auth=PRESENT)
    lose_group(approver)
    assert approve(submitted, approver2).status == Status.APPROVED


def test_right_that_has_nothing_to_do_with_votes_changes_nothing(
    for_two: Change, approver: User, approver2: User
) -> None:
    approve(for_two, approver)
    approve(for_two, approver2)
    roles.add_to_role(approver, Role.AUDITOR)
    approver.groups.remove(Group.objects.get(name=Role.AUDITOR))
    approver.first_name = "New"
    approver.save()
    for_two.refresh_from_db()
    assert for_two.status == Status.APPROVED
    assert events("vote.voided") == events("change.returned") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE changes_vote SET voided_at = NULL",
        "UPDATE changes_vote SET voided_at = now() + interval '1 day'",
        "UPDATE changes_vote SET verdict = 'reject'",
        "UPDATE changes_vote SET mac = 'x'",
        "DELETE FROM changes_vote",
    ],
)
def test_database_voids_a_vote_once_and_alters_nothing_else(statement: str, submitted: Change, approver: User) -> None:
    approve(submitted, approver)
    lose_group(approver)
    assert Vote.objects.get().voided_at is not None
    with pytest.raises(IntegrityError, match="never altered"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_voided_vote_is_not_brought_back_by_its_row(
    segura: Sandbox, approved: Callable[..., Change], approver: User
) -> None:
    """Not even by the owner of the tables: the log tells of the end of the vote."""
    change = approved()
    lose_group(approver)
    get_back(approver)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE changes_vote DISABLE TRIGGER vote_never_altered")
        cursor.execute("UPDATE changes_vote SET voided_at = NULL")
        cursor.execute("ALTER TABLE changes_vote ENABLE ALWAYS TRIGGER vote_never_altered")
    Change.objects.update(status=Status.APPROVED, approved_at=timezone.now())
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TAMPERED)
    assert segura.control.arrivals("update") == []


def test_expired_change_is_not_revived_by_a_right(for_two: Change, approver: User, approver2: User) -> None:
    approve(for_two, approver)
    approve(for_two, approver2)
    lose_group(approver)
    Change.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    sweep.run_sweep()
    get_back(approver)
    for_two.refresh_from_db()
    assert for_two.status == Status.EXPIRED
