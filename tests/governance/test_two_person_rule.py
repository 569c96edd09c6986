"""Giving a right takes two administrators: in the commands, in races, and in the database behind them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction

from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.roles import Right, Role, rights_of
from portal.audit.models import Event
from portal.governance import people, proposals
from portal.governance.models import GovernanceProposal, ProposalKind
from portal.governance.violations import (
    GovernanceViolation,
    NoEffect,
    NoProposer,
    NotEntitled,
    OwnProposal,
    OwnRights,
    PasswordRequired,
    ProposalClosed,
    ProposalExists,
    ProposalOutdated,
    ProposalReasonMissing,
)
from tests.people import person
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
ABSENT = RecentAuth(fresh=False)


@pytest.fixture
def admin2(db: None) -> User:
    return person("admin2", Role.ADMINISTRATOR)


@pytest.fixture
def ana(db: None) -> User:
    return person("ana", Role.REQUESTER)


def propose(subject: User, by: User, *codes: str, reason: str = "Joins the approvers") -> GovernanceProposal:
    return people.propose_roles(subject.pk, codes or ("approver",), by=by, reason=reason, recent_auth=PRESENT)


def approve(proposal: GovernanceProposal, by: User) -> GovernanceProposal:
    return proposals.approve_proposal(proposal.pk, by=by, recent_auth=PRESENT)


def take(subject: User, by: User, *codes: str) -> User:
    return people.take_roles(subject.pk, codes, by=by, reason="Moves to another team", recent_auth=PRESENT)


def disable(subject: User, by: User) -> User:
    return people.disable_account(subject.pk, by=by, reason="Has left", recent_auth=PRESENT)


def rights(user: User) -> frozenset[Right]:
    return rights_of(User.objects.get(pk=user.pk))


def execute(statement: str, *values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_role_is_given_by_the_second_administrator_and_recorded(admin: User, admin2: User, ana: User) -> None:
    proposal = propose(ana, admin, "approver", "auditor")
    assert rights(ana) == {Right.PROPOSE}
    approve(proposal, admin2)
    assert rights(ana) == {Right.PROPOSE, Right.DECIDE, Right.AUDIT}
    filed, approved, given = (
        events(f"{kind}")[0] for kind in ("governance.proposed", "governance.approved", "access.granted")
    )
    assert (filed["actor"], approved["actor"], given["actor"]) == ("admin", "admin2", "admin2")
    assert filed["data"]["old"] == {"roles": ["requester"], "active": True}
    assert filed["data"]["new"] == {"roles": ["requester", "approver", "auditor"], "active": True}
    assert filed["data"]["reason"] == "Joins the approvers"
    assert given["data"]["proposal"] == proposal.reference
    assert given["data"]["given"] == ["approver", "auditor"]


def test_proposer_cannot_decide_their_own_proposal(admin: User, admin2: User, ana: User) -> None:
    proposal = propose(ana, admin)
    with pytest.raises(OwnProposal):
        approve(proposal, admin)
    with pytest.raises(OwnProposal):
        proposals.reject_proposal(proposal.pk, by=admin, reason="No", recent_auth=PRESENT)
    assert rights(ana) == {Right.PROPOSE}
    assert [event["data"]["rule"] for event in events("governance.refused")] == ["own_proposal"] * 2


def test_administrator_cannot_propose_or_decide_about_themselves(admin: User, admin2: User) -> None:
    with pytest.raises(OwnRights):
        propose(admin, admin)
    with pytest.raises(OwnRights):
        take(admin, admin, "administrator")
    with pytest.raises(OwnRights):
        disable(admin, admin)
    proposal = propose(admin2, admin)
    with pytest.raises(OwnRights):
        approve(proposal, admin2)
    with pytest.raises(OwnRights):
        proposals.reject_proposal(proposal.pk, by=admin2, reason="No", recent_auth=PRESENT)
    assert rights(admin2) == {Right.OPERATE}


@pytest.mark.parametrize("role", [Role.REQUESTER, Role.APPROVER, Role.AUDITOR])
def test_other_roles_cannot_propose_decide_or_act(role: Role, admin: User, ana: User) -> None:
    other = person("other", role)
    proposal = propose(ana, admin)
    for act in (
        lambda: propose(person("new"), other),
        lambda: approve(proposal, other),
        lambda: proposals.reject_proposal(proposal.pk, by=other, reason="No", recent_auth=PRESENT),
        lambda: proposals.withdraw_proposal(proposal.pk, by=other),
        lambda: take(ana, other, "requester"),
        lambda: disable(ana, other),
    ):
        with pytest.raises(NotEntitled):
            act()
    assert rights(ana) == {Right.PROPOSE}


def test_account_that_one_administrator_made_has_no_right_to_second_them(admin: User, ana: User) -> None:
    second = person("second")
    proposal = propose(ana, admin)
    with pytest.raises(NotEntitled):
        approve(proposal, second)
    with pytest.raises(OwnProposal):
        approve(propose(second, admin, "administrator"), admin)
    assert rights(second) == frozenset()


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_every_act_needs_a_reason_and_a_recent_password(reason: str, admin: User, admin2: User, ana: User) -> None:
    with pytest.raises(ProposalReasonMissing):
        propose(ana, admin, reason=reason)
    with pytest.raises(ProposalReasonMissing):
        people.take_roles(ana.pk, ["requester"], by=admin, reason=reason, recent_auth=PRESENT)
    with pytest.raises(ProposalReasonMissing):
        people.disable_account(ana.pk, by=admin, reason=reason, recent_auth=PRESENT)
    with pytest.raises(PasswordRequired):
        people.propose_roles(ana.pk, ["approver"], by=admin, reason="Joins", recent_auth=ABSENT)
    with pytest.raises(PasswordRequired):
        people.take_roles(ana.pk, ["requester"], by=admin, reason="Leaves", recent_auth=ABSENT)
    with pytest.raises(PasswordRequired):
        people.disable_account(ana.pk, by=admin, reason="Leaves", recent_auth=ABSENT)
    proposal = propose(ana, admin)
    with pytest.raises(PasswordRequired):
        proposals.approve_proposal(proposal.pk, by=admin2, recent_auth=ABSENT)
    with pytest.raises(PasswordRequired):
        proposals.reject_proposal(proposal.pk, by=admin2, reason="No", recent_auth=ABSENT)
    assert rights(ana) == {Right.PROPOSE}


def test_taking_a_role_and_disabling_act_at_once(admin: User, ana: User) -> None:
    take(ana, admin, "requester")
    assert rights(ana) == frozenset()
    assert events("access.granted")[0]["data"]["taken"] == ["requester"]
    with pytest.raises(NoEffect):
        take(ana, admin, "requester")
    disable(ana, admin)
    assert not User.objects.get(pk=ana.pk).is_active
    assert events("account.disabled")[0]["data"]["reason"] == "Has left"


def test_enabling_takes_two(admin: User, admin2: User, ana: User) -> None:
    disable(ana, admin)
    proposal = people.propose_enabling(ana.pk, by=admin, reason="Is back", recent_auth=PRESENT)
    assert not User.objects.get(pk=ana.pk).is_active
    approve(proposal, admin2)
    assert User.objects.get(pk=ana.pk).is_active
    assert events("account.enabled")[0]["data"]["proposal"] == proposal.reference


def test_proposal_ends_when_rights_of_its_person_or_proposer_change(admin: User, admin2: User, ana: User) -> None:
    about = propose(ana, admin)
    take(ana, admin2, "requester")
    with pytest.raises(ProposalClosed):
        approve(about, admin2)
    third = person("third", Role.ADMINISTRATOR)
    of_admin = propose(ana, admin)
    take(admin, admin2, "administrator")
    with pytest.raises(ProposalClosed):
        approve(of_admin, third)
    assert rights(ana) == frozenset()
    assert [event["data"]["proposal"] for event in events("governance.outdated")] == [
        about.reference,
        of_admin.reference,
    ]


def test_proposal_whose_old_state_changed_past_the_commands_is_not_applied(
    admin: User, admin2: User, ana: User
) -> None:
    proposal = propose(ana, admin)
    ana.groups.clear()
    with pytest.raises(ProposalOutdated):
        approve(proposal, admin2)
    assert rights(ana) == frozenset()


def test_proposal_of_an_administrator_who_lost_the_role_past_the_commands_is_not_applied(
    admin: User, admin2: User, ana: User
) -> None:
    proposal = propose(ana, admin)
    admin.groups.clear()
    with pytest.raises(ProposalOutdated):
        approve(proposal, admin2)
    assert rights(ana) == {Right.PROPOSE}


def test_one_proposal_about_a_person_is_open_at_a_time(admin: User, admin2: User, ana: User) -> None:
    first = propose(ana, admin)
    with pytest.raises(ProposalExists):
        propose(ana, admin2, "auditor")
    proposals.withdraw_proposal(first.pk, by=admin)
    propose(ana, admin2, "auditor")


def test_only_the_proposer_withdraws_and_a_decision_is_final(admin: User, admin2: User, ana: User) -> None:
    proposal = propose(ana, admin)
    with pytest.raises(OwnProposal):
        proposals.withdraw_proposal(proposal.pk, by=admin2)
    proposals.reject_proposal(proposal.pk, by=admin2, reason="Not yet", recent_auth=PRESENT)
    for act in (lambda: approve(proposal, admin2), lambda: proposals.withdraw_proposal(proposal.pk, by=admin)):
        with pytest.raises(ProposalClosed):
            act()
    assert rights(ana) == {Right.PROPOSE}
    assert events("governance.rejected")[0]["data"]["reason"] == "Not yet"


def test_reason_why_a_user_cannot_approve_is_known_before_they_try(admin: User, admin2: User, ana: User) -> None:
    proposal = propose(ana, admin)
    assert isinstance(proposals.find_decision_violation(proposal, admin), OwnProposal)
    assert isinstance(proposals.find_decision_violation(proposal, ana), NotEntitled)
    assert proposals.find_decision_violation(proposal, admin2) is None


def test_proposal_of_the_console_needs_two_administrators(admin: User, admin2: User, ana: User) -> None:
    with transaction.atomic():
        new = {"roles": ["requester", "approver"], "active": True}
        proposal = proposals.file_console_proposal(ProposalKind.GIVE_ROLES, ana, new, console="console (uid 0)")
    with pytest.raises(NoProposer):
        approve(proposal, admin)
    proposals.adopt_proposal(proposal.pk, by=admin, recent_auth=PRESENT)
    with pytest.raises(OwnProposal):
        approve(proposal, admin)
    with pytest.raises(ProposalClosed):
        proposals.adopt_proposal(proposal.pk, by=admin2, recent_auth=PRESENT)
    approve(proposal, admin2)
    assert rights(ana) == {Right.PROPOSE, Right.DECIDE}


def test_refused_act_leaves_nothing_but_its_event(admin: User, admin2: User, ana: User) -> None:
    proposal = propose(ana, admin)
    known = Event.objects.count()
    with pytest.raises(OwnProposal):
        approve(proposal, admin)
    assert Event.objects.count() == known + 1
    assert GovernanceProposal.objects.get().is_open


@pytest.mark.parametrize(
    ("statement", "barrier"),
    [
        ("SET verdict = 'approved', decided_by_id = proposed_by_id, decided_at = now()", "not_decided_by_proposer"),
        ("SET verdict = 'rejected', decided_by_id = proposed_by_id, decided_at = now()", "not_decided_by_proposer"),
        ("SET verdict = 'approved', decided_by_id = subject_id, decided_at = now()", "not_decided_by_subject"),
        ("SET verdict = 'approved', decided_at = now()", "approved_by_two"),
        ("SET verdict = 'approved', decided_by_id = {second}", "decided_has_time"),
        ("SET decided_by_id = {second}", "decided_has_time"),
        ("SET proposed_by_id = {second}", "never altered"),
        ("SET subject_id = {second}", "never altered"),
        ("SET new = '{{}}'", "never altered"),
        ("SET old = '{{}}'", "never altered"),
        ("SET reason = ''", "never altered"),
    ],
)
def test_database_refuses_what_the_code_let_through(
    statement: str, barrier: str, admin: User, admin2: User, ana: User
) -> None:
    propose(ana, admin)
    with pytest.raises(DatabaseError, match=barrier):
        execute(f"UPDATE governance_governanceproposal {statement.format(second=admin2.pk)}")


def test_database_keeps_decided_proposals_and_takes_none_that_is_decided_already(
    admin: User, admin2: User, ana: User
) -> None:
    approve(propose(ana, admin), admin2)
    for statement in (
        "UPDATE governance_governanceproposal SET verdict = '', decided_at = NULL, decided_by_id = NULL",
        "UPDATE governance_governanceproposal SET verdict = 'rejected'",
        "DELETE FROM governance_governanceproposal",
        "INSERT INTO governance_governanceproposal"
        " (kind, subject_id, old, new, reason, proposed_by_id, verdict, decided_by_id, decided_at)"
        " SELECT kind, subject_id, old, new, reason, proposed_by_id, verdict, decided_by_id, decided_at"
        " FROM governance_governanceproposal",
    ):
        with pytest.raises(DatabaseError, match="never altered"):
            execute(statement)


def test_database_refuses_a_proposal_about_its_proposer(admin: User) -> None:
    with pytest.raises(DatabaseError, match="proposal_not_about_proposer"):
        GovernanceProposal.objects.create(
            kind=ProposalKind.GIVE_ROLES, subject=admin, old={}, new={}, reason="x", proposed_by=admin
        )


def test_database_refuses_the_proposers_decision_where_the_rule_is_gone(
    admin: User, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = propose(ana, admin)
    monkeypatch.setattr(proposals, "_forbid_own_proposal", lambda *_: None)
    with pytest.raises(OwnProposal):
        approve(proposal, admin)
    assert rights(ana) == {Right.PROPOSE}


def side_by_side(*acts: Callable[[], object]) -> list[object]:
    """What each of the acts, done at the same time, returned or raised."""

    def run(act: Callable[[], object]) -> object:
        try:
            return act()
        except GovernanceViolation as violation:
            return violation
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.django_db(transaction=True)
def test_of_two_decisions_at_once_one_counts(admin: User, admin2: User, ana: User) -> None:
    third = person("third", Role.ADMINISTRATOR)
    proposal = propose(ana, admin)
    came = side_by_side(
        *[lambda: approve(proposal, admin2), lambda: approve(proposal, third)] * 3,
    )
    assert sum(isinstance(each, GovernanceProposal) for each in came) == 1
    assert len(events("access.granted")) == 1


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_disable_each_other_at_once_leave_one(admin: User, admin2: User) -> None:
    side_by_side(lambda: disable(admin, admin2), lambda: disable(admin2, admin))
    assert User.objects.filter(is_active=True, pk__in=[admin.pk, admin2.pk]).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_parallel_proposals_about_one_person_one_is_filed(admin: User, admin2: User, ana: User) -> None:
    side_by_side(*[lambda: propose(ana, admin), lambda: propose(ana, admin2)] * 3)
    assert GovernanceProposal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_decision_of_an_administrator_who_is_losing_the_role_meets_one_order(
    admin: User, admin2: User, ana: User
) -> None:
    third = person("third", Role.ADMINISTRATOR)
    proposal = propose(ana, admin)
    decided, _taken = side_by_side(lambda: approve(proposal, admin2), lambda: take(admin2, third, "administrator"))
    given = Right.DECIDE in rights(ana)
    assert given is isinstance(decided, GovernanceProposal)
    assert rights(admin2) == frozenset()
