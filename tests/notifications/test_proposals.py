"""Proposals about people are told to the administrators who can decide them, and decisions to who proposed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.governance import people, proposals
from portal.governance.models import GovernanceProposal, ProposalKind
from portal.notifications import dispatch, mailer
from portal.notifications.models import Notification
from tests.operations.test_pages_delivery import text_of
from tests.people import person
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]


@pytest.fixture(autouse=True)
def mail_server(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.invalid"


@pytest.fixture
def admin2(db: None) -> User:
    return person("admin2", Role.ADMINISTRATOR)


@pytest.fixture
def admin3(db: None) -> User:
    return person("admin3", Role.ADMINISTRATOR)


@pytest.fixture
def ana(db: None) -> User:
    return person("ana", Role.REQUESTER)


def told() -> set[tuple[str, str]]:
    """Tell of what has happened since, and forget it: who was told what."""
    User.objects.filter(email="").update(email="somebody@example.com")
    dispatch.dispatch_events()
    found = {(notice.recipient.username, notice.kind) for notice in Notification.objects.select_related("recipient")}
    Notification.objects.all().delete()
    return found


def propose(subject: User, by: User) -> GovernanceProposal:
    return people.propose_roles(subject.pk, ["approver"], by=by, reason="Secret reason", recent_auth=PRESENT)


def test_filed_proposal_is_told_to_the_administrators_who_can_decide_it(
    admin: User, admin2: User, admin3: User, ana: User, approver: User, auditor: User
) -> None:
    propose(ana, admin)
    assert told() == {("admin2", "proposed"), ("admin3", "proposed")}
    propose(admin3, admin)
    assert told() == {("admin2", "proposed")}


def test_decision_is_told_to_the_proposer(admin: User, admin2: User, ana: User) -> None:
    first = propose(ana, admin)
    told()
    proposals.reject_proposal(first.pk, by=admin2, reason="Not yet", recent_auth=PRESENT)
    assert told() == {("admin", "declined")}
    second = propose(ana, admin)
    told()
    proposals.approve_proposal(second.pk, by=admin2, recent_auth=PRESENT)
    assert told() == {("admin", "agreed")}


def test_proposal_that_is_out_of_date_is_told_to_the_proposer(admin: User, admin2: User, ana: User) -> None:
    propose(ana, admin)
    told()
    people.disable_account(ana.pk, by=admin2, reason="Has left", recent_auth=PRESENT)
    assert told() == {("admin", "outdated")}


def test_withdrawn_or_decided_proposal_is_neither_told_nor_mailed_any_more(
    admin: User, admin2: User, ana: User, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    User.objects.filter(pk=admin2.pk).update(email="admin2@corp.example")
    proposals.withdraw_proposal(propose(ana, admin).pk, by=admin)
    assert told() == set()
    later = propose(ana, admin)
    dispatch.dispatch_events()
    proposals.withdraw_proposal(later.pk, by=admin)
    mailer.send_due_mail()
    assert mailoutbox == []


def test_proposal_of_the_console_is_told_to_all_administrators_and_after_its_adoption_to_the_others(
    admin: User, admin2: User, ana: User
) -> None:
    with transaction.atomic():
        state = {"roles": ["requester", "approver"], "active": True}
        filed = proposals.file_console_proposal(ProposalKind.GIVE_ROLES, ana, state, console="console (uid 0)")
    assert told() == {("admin", "proposed"), ("admin2", "proposed")}
    proposals.adopt_proposal(filed.pk, by=admin, recent_auth=PRESENT)
    assert told() == {("admin2", "proposed")}


def test_mail_and_page_name_the_proposal_and_its_person_and_hold_no_reason(
    admin: User, admin2: User, ana: User, as_person: Callable[..., Client], mailoutbox: list[EmailMultiAlternatives]
) -> None:
    User.objects.filter(pk=admin2.pk).update(email="admin2@corp.example")
    filed = propose(ana, admin)
    dispatch.dispatch_events()
    mailer.send_due_mail()
    (mail,) = mailoutbox
    assert mail.subject == f"{filed.reference}: A proposal about a person waits for your decision (ana)"
    for body in (str(mail.body), str(mail.alternatives[0][0])):
        assert f"/operations/proposals/{filed.pk}/" in body
        assert "Secret reason" not in body
    browser = as_person(admin2)
    for show in ("", "unread", "needs_you"):
        page = browser.get(reverse("notifications:inbox"), {"show": show})
        assert reverse("operations:proposal", args=[filed.pk]) in page.content.decode(), show
    assert f"{filed.reference} about ana waits for the decision of an administrator" in text_of(page)
    browser.get(reverse("operations:proposal", args=[filed.pk]))
    assert not Notification.objects.filter(read_at=None).exists()
    proposals.approve_proposal(filed.pk, by=admin2, recent_auth=PRESENT)
    needed = browser.get(reverse("notifications:inbox"), {"show": "needs_you"})
    assert reverse("operations:proposal", args=[filed.pk]) not in needed.content.decode()


def test_administrators_choose_how_they_hear_of_proposals(as_person: Callable[..., Client], admin: User) -> None:
    page = text_of(as_person(admin).get(reverse("notifications:preferences")))
    assert "A proposal about a person waits for your decision" in page
    assert "Your proposal was approved" in page
