"""Four eyes in the database: raw SQL gets no further than the pages do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Attempt, Change, Revision, Vote
from portal.changes.rules import guards
from portal.changes.workflow import submission
from tests.changing import approve

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_queue"),
    pytest.mark.shows("W04"),
]


def execute(statement: str, *values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def insert_vote(change: Change, *, requester: User, voter: User) -> None:
    execute(
        "INSERT INTO changes_vote (change_id, revision, digest, requester_id, voter_id, verdict, reason, voted_at)"
        " VALUES (%s, 1, 'd', %s, %s, 'approve', '', %s)",
        change.pk,
        requester.pk,
        voter.pk,
        timezone.now(),
    )


def test_the_requester_cannot_vote_by_raw_sql(submitted: Change, requester: User) -> None:
    with pytest.raises(DatabaseError, match=r"vote_not_by_requester|edited"):
        insert_vote(submitted, requester=requester, voter=requester)


def test_a_vote_cannot_name_another_requester(submitted: Change, requester: User, approver: User) -> None:
    with pytest.raises(DatabaseError):
        insert_vote(submitted, requester=approver, voter=requester)
    assert Vote.objects.count() == 0


@pytest.fixture
def drafted(propose: Callable[..., Proposal], requester: User, approver2: User) -> Change:
    """A change whose only revision was written by another person than its requester."""
    now = timezone.now()
    change = Change.objects.create(secret=43, secret_name="GCP", requester=requester, created_at=now, updated_at=now)
    Revision.objects.create(
        change=change, number=1, editor=approver2, created_at=now, patch={}, policy={"required": 1}, digest="d"
    )
    return change


def test_the_requester_cannot_vote_even_where_somebody_else_wrote_the_revision(
    drafted: Change, requester: User
) -> None:
    with pytest.raises(DatabaseError, match="vote_not_by_requester"):
        insert_vote(drafted, requester=requester, voter=requester)


def test_the_rule_stops_the_requester_even_where_somebody_else_wrote_the_revision(
    drafted: Change, requester: User
) -> None:
    roles.add_to_role(requester, Role.APPROVER)
    assert isinstance(guards.find_vote_violation(drafted, by=User.objects.get(pk=requester.pk)), guards.OwnChange)


def test_a_vote_cannot_hide_the_requester_behind_another_name(drafted: Change, requester: User, approver: User) -> None:
    with pytest.raises(DatabaseError, match=r"vote_names_the_requester|not the requester of the change"):
        insert_vote(drafted, requester=approver, voter=requester)


def test_an_editor_cannot_vote_by_raw_sql(
    submitted: Change, requester: User, approver: User, propose: Callable[..., Proposal]
) -> None:
    Revision.objects.create(
        change=submitted, number=2, editor=approver, created_at=timezone.now(), patch={}, policy={}, digest="x"
    )
    with pytest.raises(DatabaseError, match="edited"):
        insert_vote(submitted, requester=requester, voter=approver)


def test_a_voter_cannot_become_editor_of_what_they_voted_on(submitted: Change, approver: User) -> None:
    approve(submitted, approver)
    with pytest.raises(DatabaseError, match="voted"):
        Revision.objects.create(
            change=submitted, number=1, editor=approver, created_at=timezone.now(), patch={}, policy={}, digest="x"
        )


def test_an_honest_vote_passes_the_guards(submitted: Change, requester: User, approver: User) -> None:
    insert_vote(submitted, requester=requester, voter=approver)
    assert Vote.objects.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE changes_vote SET verdict = 'reject'",
        "DELETE FROM changes_vote",
        "UPDATE changes_revision SET patch = '{}'",
        "UPDATE changes_revision SET secret_fingerprint = 'x'",
        "UPDATE changes_revision SET secret_strength = NULL",
        "UPDATE changes_revision SET base_read_at = NULL",
        "UPDATE changes_revision SET digest = 'x'",
        "DELETE FROM changes_revision",
        "UPDATE changes_change SET requester_id = requester_id + 1",
        "UPDATE changes_change SET secret = 44",
        "DELETE FROM changes_change",
        "DELETE FROM changes_attempt",
    ],
)
def test_history_is_never_altered(statement: str, submitted: Change, approver: User) -> None:
    approve(submitted, approver)
    Attempt.objects.create(change=submitted, revision=1, fence=1, digest="d", started_at=timezone.now())
    with pytest.raises(DatabaseError):
        execute(statement)


def test_two_changes_of_one_secret_are_never_on_their_way_together(
    propose: Callable[..., Proposal], requester: User
) -> None:
    one, two = (submission.submit_change(propose(), by=requester) for _ in range(2))
    execute("UPDATE changes_change SET status = 'sending' WHERE id = %s", one.pk)
    with pytest.raises(DatabaseError, match="change_one_lane_per_secret"):
        execute("UPDATE changes_change SET status = 'in_doubt' WHERE id = %s", two.pk)
