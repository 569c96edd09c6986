"""Pages of people: roles by proposal and decision, acts at once, and refusals of crafted forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.accounts.roles import Right, Role, rights_of
from portal.changes.models import Change, Status, Vote
from portal.governance import people, proposals
from portal.governance.models import GovernanceProposal, ProposalKind
from tests.changes.pages import ballot_of, send
from tests.changing import approve
from tests.operations.test_pages_delivery import text_of
from tests.people import person
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
GIVE = {"roles": ["approver"], "reason": "Joins the approvers"}


@pytest.fixture
def admin2(db: None) -> User:
    return person("admin2", Role.ADMINISTRATOR)


@pytest.fixture
def ana(db: None) -> User:
    return person("ana", Role.REQUESTER)


def post(browser: Client, act: str, number: int, **data: object) -> Any:
    return browser.post(reverse(f"operations:{act}", args=[number]), data)


def rights(user: User) -> frozenset[Right]:
    return rights_of(User.objects.get(pk=user.pk))


def filed_by(admin: User, ana: User) -> GovernanceProposal:
    return people.propose_roles(ana.pk, ["approver"], by=admin, reason="Joins", recent_auth=PRESENT)


def test_person_votes_only_after_a_second_administrator_approved_pe1(
    as_person: AsPerson, admin: User, admin2: User, ana: User, submitted: Change
) -> None:
    first, second, hers = as_person(admin), as_person(admin2), as_person(ana)
    assert post(first, "give_roles", ana.pk, **GIVE).status_code == 302
    assert send(hers, "approve", submitted, ballot_of(submitted)).status_code in (403, 404)
    assert not Vote.objects.exists()
    proposal = GovernanceProposal.objects.get()
    page = text_of(second.get(reverse("operations:proposals")))
    assert f"{proposal.reference}: Approvers for ana" in page
    assert "Joins the approvers" in page
    assert post(second, "approve_proposal", proposal.pk).status_code == 302
    assert send(hers, "approve", submitted, ballot_of(submitted)).status_code == 302
    assert Vote.objects.get().voter == ana


@pytest.mark.parametrize("act", ["give_roles", "take_roles", "disable_user", "enable_user"])
def test_crafted_form_changes_no_own_right_pe2(act: str, as_person: AsPerson, admin: User, admin2: User) -> None:
    answer = post(
        as_person(admin), act, admin.pk, roles=["administrator" if act == "take_roles" else "approver"], reason="For me"
    )
    assert answer.status_code == 403
    assert "You can't change your own rights. Another administrator can." in text_of(answer)
    assert rights(admin) == {Right.OPERATE}
    assert not GovernanceProposal.objects.exists()


def test_crafted_decision_on_an_own_proposal_or_about_oneself_is_refused_pe2(
    as_person: AsPerson, admin: User, admin2: User, ana: User
) -> None:
    own, about = filed_by(admin, ana), filed_by(admin, admin2)
    for reader, proposal, sentence in (
        (admin, own, "You can't decide your own proposal. Another administrator can."),
        (admin2, about, "This proposal is about you. Another administrator decides it."),
    ):
        for act in ("approve_proposal", "reject_proposal"):
            answer = post(as_person(reader), act, proposal.pk, reason="For me")
            assert answer.status_code == 403, act
            assert sentence in text_of(answer)
        assert sentence in text_of(as_person(reader).get(reverse("operations:proposal", args=[proposal.pk])))
    assert (rights(ana), rights(admin2)) == ({Right.PROPOSE}, {Right.OPERATE})


def test_account_that_one_administrator_made_gives_them_no_second_voice_pe2(
    as_person: AsPerson, admin: User, ana: User
) -> None:
    """Neither the account nor a proposal about it gets a right without another administrator."""
    second = person("second")
    proposal = filed_by(admin, ana)
    assert post(as_person(second), "approve_proposal", proposal.pk).status_code == 403
    post(as_person(admin), "give_roles", second.pk, roles=["administrator"], reason="Helps me")
    about = GovernanceProposal.objects.get(subject=second)
    assert post(as_person(admin), "approve_proposal", about.pk).status_code == 403
    assert rights(second) == frozenset()


def test_role_that_does_not_exist_or_is_held_is_no_choice(as_person: AsPerson, admin: User, ana: User) -> None:
    for codes in (["superuser"], ["requester"], []):
        answer = post(as_person(admin), "give_roles", ana.pk, roles=codes, reason="Joins")
        assert answer.status_code == 422
    assert not GovernanceProposal.objects.exists()


def test_refused_form_keeps_what_was_typed_and_opens_its_sheet(as_person: AsPerson, admin: User, ana: User) -> None:
    browser = as_person(admin, minutes_ago=6)
    answer = post(browser, "give_roles", ana.pk, roles=["approver"], reason="Joins the approvers")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Enter your password to confirm." in page
    assert ">Joins the approvers</textarea>" in page.replace("\n", "")
    assert re.search(r'value="approver"[^>]*checked', page)
    assert re.search(r'<dialog id="give-roles"[^>]*data-open', page)
    answer = post(browser, "give_roles", ana.pk, **GIVE, password="admin-correct-horse")
    assert answer.status_code == 302
    assert GovernanceProposal.objects.count() == 1


def test_second_proposal_about_a_person_names_the_first(
    as_person: AsPerson, admin: User, admin2: User, ana: User
) -> None:
    first = filed_by(admin, ana)
    answer = post(as_person(admin2), "give_roles", ana.pk, **GIVE)
    assert answer.status_code == 409
    assert f"{first.reference} about ana is open. Wait for its decision, or withdraw it first." in text_of(answer)


def test_disabled_persons_sessions_end_with_the_next_request_pe3(as_person: AsPerson, admin: User, ana: User) -> None:
    hers = as_person(ana)
    assert hers.get("/changes/mine/").status_code == 200
    assert post(as_person(admin), "disable_user", ana.pk, reason="Has left").status_code == 302
    for address in ("/changes/mine/", "/", "/notifications/"):
        assert hers.get(address).headers["Location"].startswith("/accounts/login/")
    proposal = people.propose_enabling(ana.pk, by=admin, reason="Is back", recent_auth=PRESENT)
    proposals.approve_proposal(proposal.pk, by=person("admin2", Role.ADMINISTRATOR), recent_auth=PRESENT)
    assert hers.get("/changes/mine/").headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("act", ["disable_user", "take_roles"])
def test_votes_of_a_person_who_leaves_stop_counting_on_open_changes_pe3(
    act: str, as_person: AsPerson, admin: User, approver: User, submitted: Change
) -> None:
    approve(submitted, approver)
    page = text_of(as_person(admin).get(reverse("operations:user", args=[approver.pk])))
    assert "1 vote of this person counts on open changes." in page
    assert post(as_person(admin), act, approver.pk, roles=["approver"], reason="Has left").status_code == 302
    submitted.refresh_from_db()
    assert submitted.status == Status.PENDING
    assert Vote.objects.get().voided_at is not None


def test_proposal_of_the_console_is_adopted_and_then_decided_by_another(
    as_person: AsPerson, admin: User, admin2: User, ana: User
) -> None:
    with transaction.atomic():
        state = {"roles": ["requester", "approver"], "active": True}
        proposal = proposals.file_console_proposal(ProposalKind.GIVE_ROLES, ana, state, console="console (uid 0)")
    page = text_of(as_person(admin).get(reverse("operations:proposal", args=[proposal.pk])))
    assert "One administrator has to adopt it before another can approve it." in page
    assert post(as_person(admin), "approve_proposal", proposal.pk).status_code == 409
    assert post(as_person(admin), "adopt_proposal", proposal.pk).status_code == 302
    assert post(as_person(admin), "approve_proposal", proposal.pk).status_code == 403
    assert post(as_person(admin2), "approve_proposal", proposal.pk).status_code == 302
    assert Right.DECIDE in rights(ana)


def test_rejection_needs_a_reason_and_shows_it(as_person: AsPerson, admin: User, admin2: User, ana: User) -> None:
    proposal = filed_by(admin, ana)
    assert post(as_person(admin2), "reject_proposal", proposal.pk, reason=" ").status_code == 422
    assert post(as_person(admin2), "reject_proposal", proposal.pk, reason="Not yet").status_code == 302
    page = text_of(as_person(admin).get(reverse("operations:proposal", args=[proposal.pk])))
    assert "Rejected" in page
    assert "Not yet" in page
    assert rights(ana) == {Right.PROPOSE}


def test_navigation_counts_the_proposals_that_wait_for_the_reader(
    as_person: AsPerson, admin: User, admin2: User, ana: User, django_assert_max_num_queries: Any
) -> None:
    filed_by(admin, ana)
    counted = "1 waiting for you"
    for reader, expected in ((admin2, True), (admin, False)):
        browser = as_person(reader)
        for name in ("operations:users", "operations:proposals", "operations:delivery", "changes:all"):
            with django_assert_max_num_queries(12):
                page = text_of(browser.get(reverse(name)))
            assert (counted in page) is expected, name
    browser, proposal = as_person(admin2), GovernanceProposal.objects.get()
    for name, number in (("operations:user", ana.pk), ("operations:proposal", proposal.pk)):
        with django_assert_max_num_queries(12):
            browser.get(reverse(name, args=[number]))


def test_lone_administrator_is_shown_the_command(as_person: AsPerson, admin: User) -> None:
    page = text_of(as_person(admin).get(reverse("operations:users")))
    assert "There is no second administrator, so no proposal can be approved." in page
    assert "manage.py user NAME --role administrator" in page


def test_acts_on_people_are_limited(as_person: AsPerson, admin: User) -> None:
    browser = as_person(admin)
    accounts = [person(f"person-{number}") for number in range(11)]
    answers = [post(browser, "disable_user", each.pk, reason="Has left").status_code for each in accounts]
    assert answers == [302] * 10 + [429]
    assert len(events("account.disabled")) == 10


def test_coverage_says_what_too_few_people_would_stop(as_person: AsPerson, admin: User) -> None:
    browser = as_person(admin)
    page = text_of(browser.get(reverse("operations:users")))
    assert "Only one administrator: no one else can resolve their changes" in page
    assert "No one can propose a change." in page
    assert "No one can read the audit log." in page
    person("admin2", Role.ADMINISTRATOR, Role.REQUESTER)
    page = text_of(browser.get(reverse("operations:users")))
    assert "Only two administrators: a proposal about one of them" in page
    assert "No one can propose a change." not in page


@pytest.mark.parametrize("name", ["Ana", "ANA", "\N{FULLWIDTH LATIN SMALL LETTER A}na", "a\N{ZERO WIDTH SPACE}na"])
def test_second_account_whose_name_differs_in_case_or_form_cannot_exist_pe4(name: str, ana: User) -> None:
    with pytest.raises(CommandError):
        call_command("user", name)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(username=name)])
    assert User.objects.get() == ana
