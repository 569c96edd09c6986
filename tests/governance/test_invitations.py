"""Links to choose a password: mailed to the person alone, usable once, and worth nothing without a second voice."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.roles import Right, Role, rights_of
from portal.audit.models import Event
from portal.governance import invitations, link_mail, password_links, people, proposals
from portal.governance.invitations import NewPerson
from portal.governance.models import GovernanceProposal, PasswordLink
from portal.governance.violations import (
    AccountNotAddable,
    GovernanceViolation,
    LinkNotMailable,
    NoEffect,
    NotEntitled,
    OwnProposal,
    OwnRights,
    PasswordRequired,
    ProposalReasonMissing,
)
from tests.people import person
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
ABSENT = RecentAuth(fresh=False)
PASSWORD = "quiet-river-stones-41"
Outbox = list[EmailMessage]


@pytest.fixture(autouse=True)
def mail_server(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.invalid"


@pytest.fixture
def admin2(db: None) -> User:
    return person("admin2", Role.ADMINISTRATOR)


def new(name: str = "ana", email: str = "ana@corp.example", *roles: str) -> NewPerson:
    return NewPerson(name, "Ana Alves", email, roles or ("approver",))


def add(by: User, whom: NewPerson | None = None, reason: str = "Joins the approvers") -> User:
    filed = invitations.add_person(whom or new(), by=by, reason=reason, recent_auth=PRESENT)
    return User.objects.get(pk=filed.subject_id or 0)


def with_address(user: User) -> User:
    user.email = f"{user.username}@corp.example"
    user.save(update_fields=["email"])
    return user


def reset(user: User, by: User) -> PasswordLink:
    return password_links.send_link(user.pk, by=by, reason="Forgot it", recent_auth=PRESENT)


def link_in(mail: EmailMessage) -> str:
    (address,) = re.findall(r"http://[^/\s]+(/accounts/password/choose/\S+)", str(mail.body))
    return str(address)


def mailed(outbox: Outbox) -> str:
    """Send what is due, and return the address of the newest link."""
    link_mail.send_due_links()
    return link_in(outbox[-1])


def choose(address: str, password: str = PASSWORD, browser: Client | None = None) -> int:
    """Open the link in a browser and choose the password; return the status of the last answer."""
    browser = browser or Client()
    opened = browser.get(address)
    if opened.status_code != 302:
        return opened.status_code
    typed = {"new_password1": password, "new_password2": password}
    return browser.post(opened.headers["Location"], typed).status_code


def rights(user: User) -> frozenset[Right]:
    return rights_of(User.objects.get(pk=user.pk))


def test_person_who_is_added_gets_the_link_and_has_no_right_until_a_second_administrator_approves(
    admin: User, admin2: User, mailoutbox: Outbox
) -> None:
    ana = add(admin)
    assert (rights(ana), ana.has_usable_password()) == (frozenset(), False)
    address = mailed(mailoutbox)
    assert mailoutbox[-1].to == ["ana@corp.example"]
    assert choose(address) == 302
    assert Client().login(username="ana", password=PASSWORD)
    assert rights(ana) == frozenset()
    proposals.approve_proposal(GovernanceProposal.objects.get().pk, by=admin2, recent_auth=PRESENT)
    assert rights(ana) == {Right.DECIDE}


def test_second_account_that_an_administrator_adds_alone_gives_them_no_second_voice(
    admin: User, mailoutbox: Outbox
) -> None:
    """Even with the link in a mailbox of their own, the account decides nothing."""
    helper = add(admin, new("helper", "admin.private@mail.example", "administrator"))
    assert choose(mailed(mailoutbox)) == 302
    filed = GovernanceProposal.objects.get()
    with pytest.raises(OwnProposal):
        proposals.approve_proposal(filed.pk, by=admin, recent_auth=PRESENT)
    with pytest.raises(NotEntitled):
        proposals.approve_proposal(filed.pk, by=helper, recent_auth=PRESENT)
    with pytest.raises(NotEntitled):
        add(helper, new("third", "third@mail.example"))
    assert rights(helper) == frozenset()


def test_everything_about_an_invitation_is_an_event_and_none_holds_the_link(admin: User, mailoutbox: Outbox) -> None:
    add(admin)
    token = mailed(mailoutbox).rstrip("/").rpartition("/")[2]
    choose(link_in(mailoutbox[-1]))
    found = [event.entry for event in Event.objects.order_by("pk")]
    assert [entry.action for entry in found if entry] == [
        "account.created",
        "account.link_requested",
        "governance.proposed",
        "account.link_mailed",
        "account.password_changed",
    ]
    asked = events("account.link_requested")[0]
    assert (asked["actor"], asked["data"]["mail_domain"]) == ("admin", "corp.example")
    assert events("account.password_changed")[0]["actor"] == "ana"
    assert token not in "".join(Event.objects.values_list("text", flat=True))
    assert "ana@corp.example" not in "".join(Event.objects.values_list("text", flat=True))


def test_link_works_once(admin: User, mailoutbox: Outbox) -> None:
    add(admin)
    address = mailed(mailoutbox)
    assert choose(address) == 302
    assert choose(address, "another-river-stones-42") == 404
    assert Client().login(username="ana", password=PASSWORD)


def test_form_of_a_link_that_was_used_meanwhile_sets_nothing(admin: User, mailoutbox: Outbox) -> None:
    add(admin)
    address = mailed(mailoutbox)
    slow = Client()
    form = slow.get(address).headers["Location"]
    assert choose(address) == 302
    typed = {"new_password1": "another-river-stones-42", "new_password2": "another-river-stones-42"}
    assert slow.post(form, typed).status_code == 404
    assert Client().login(username="ana", password=PASSWORD)


def test_link_ends_after_24_hours(admin: User, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    add(admin)
    address = mailed(mailoutbox)
    now = password_links.token_generator._now()
    for hours, status in ((23, 302), (25, 404)):
        monkeypatch.setattr(password_links.token_generator, "_now", lambda hours=hours: now + timedelta(hours=hours))
        assert Client().get(address).status_code == status


def test_newer_link_ends_the_earlier_one(admin: User, mailoutbox: Outbox) -> None:
    ana = add(admin)
    first = mailed(mailoutbox)
    reset(ana, admin)
    second = mailed(mailoutbox)
    assert choose(first) == 404
    assert choose(second) == 302


@pytest.mark.parametrize("what", ["disabled", "address", "provider", "passwords off"])
def test_link_ends_when_the_account_changes(
    what: str, admin: User, mailoutbox: Outbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = add(admin)
    address = mailed(mailoutbox)
    if what == "disabled":
        people.disable_account(ana.pk, by=admin, reason="Has left", recent_auth=PRESENT)
    elif what == "address":
        User.objects.filter(pk=ana.pk).update(email="other@corp.example")
    elif what == "provider":
        monkeypatch.setattr("portal.governance.rules.has_provider_roles", lambda _person: True)
    else:
        settings.PASSWORD_SIGN_IN = False
    assert choose(address) == 404
    assert not User.objects.get(pk=ana.pk).has_usable_password()


def test_link_of_one_person_sets_no_password_of_another(admin: User, admin2: User, mailoutbox: Outbox) -> None:
    add(admin)
    of_ana = mailed(mailoutbox)
    add(admin, new("leo", "leo@corp.example"))
    of_leo = mailed(mailoutbox)
    (uid, _), (_, token) = (address.rstrip("/").rsplit("/", 2)[1:] for address in (of_leo, of_ana))
    assert choose(f"/accounts/password/choose/{uid}/{token}/") == 404


def test_token_of_djangos_own_generator_opens_nothing(admin: User, mailoutbox: Outbox) -> None:
    from django.contrib.auth.tokens import default_token_generator

    ana = add(admin)
    address = mailed(mailoutbox)
    uid = address.rstrip("/").rsplit("/", 2)[1]
    assert choose(f"/accounts/password/choose/{uid}/{default_token_generator.make_token(ana)}/") == 404


def test_password_link_without_a_request_of_an_administrator_does_not_exist(admin: User) -> None:
    ana = with_address(person("ana", Role.APPROVER))
    assert not password_links.token_generator.check_token(ana, password_links.token_generator.make_token(ana))


def test_reset_leaves_the_old_password_until_the_person_chooses_and_then_ends_all_sessions(
    admin: User, mailoutbox: Outbox
) -> None:
    ana = with_address(person("ana", Role.APPROVER))
    hers = Client()
    assert hers.login(username="ana", password="ana-correct-horse")
    reset(ana, admin)
    address = mailed(mailoutbox)
    assert hers.get("/queue/").status_code == 200
    assert choose(address) == 302
    assert hers.get("/queue/").status_code == 302
    assert rights(ana) == {Right.DECIDE}


@pytest.mark.parametrize("password", ["short", "elevenchars", "ana@corp.example"])
def test_weak_password_is_refused_and_the_link_stays(password: str, admin: User, mailoutbox: Outbox) -> None:
    add(admin)
    address = mailed(mailoutbox)
    assert choose(address, password) == 422
    assert choose(address) == 302


def test_only_administrators_add_people_and_send_links_and_never_to_themselves(admin: User, mailoutbox: Outbox) -> None:
    ana = with_address(person("ana", Role.APPROVER))
    with_address(admin)
    for other in (ana, person("rita", Role.REQUESTER), person("aura", Role.AUDITOR)):
        with pytest.raises(NotEntitled):
            add(other, new("new", "new@corp.example"))
        with pytest.raises(NotEntitled):
            reset(admin, other)
    with pytest.raises(OwnRights):
        reset(admin, admin)
    assert not PasswordLink.objects.exists()
    assert not User.objects.filter(username="new").exists()


def test_adding_and_resetting_need_a_reason_and_a_recent_password(admin: User) -> None:
    ana = with_address(person("ana"))
    for reason, recent, violation in (("  ", PRESENT, ProposalReasonMissing), ("Joins", ABSENT, PasswordRequired)):
        with pytest.raises(violation):
            invitations.add_person(new("leo", "leo@corp.example"), by=admin, reason=reason, recent_auth=recent)
        with pytest.raises(violation):
            password_links.send_link(ana.pk, by=admin, reason=reason, recent_auth=recent)
    unknown = NewPerson("leo", "Leo", "leo@corp.example", ("boss",))
    with pytest.raises(NoEffect):
        invitations.add_person(unknown, by=admin, reason="Joins", recent_auth=PRESENT)
    assert not User.objects.filter(username="leo").exists()
    assert not PasswordLink.objects.exists()


@pytest.mark.parametrize(
    ("name", "email"),
    [("ANA", "new@corp.example"), ("an a", "new@corp.example"), ("", "new@corp.example"), ("new", "Ana@Corp.example")],
)
def test_name_or_address_of_another_account_is_refused(name: str, email: str, admin: User) -> None:
    with_address(person("ana"))
    known = Event.objects.count()
    with pytest.raises(AccountNotAddable):
        add(admin, new(name, email))
    assert User.objects.count() == 2
    assert Event.objects.count() == known + 1
    assert events("governance.refused")[-1]["data"]["rule"] == "account_not_addable"


def test_without_a_mail_server_the_account_waits_for_the_second_administrator_and_no_link_exists(
    admin: User, settings: Settings
) -> None:
    settings.EMAIL_HOST = ""
    ana = add(admin)
    assert not PasswordLink.objects.exists()
    assert GovernanceProposal.objects.get().subject == ana
    with pytest.raises(LinkNotMailable):
        reset(ana, admin)


def test_person_without_an_address_or_with_a_disabled_account_gets_no_link(admin: User) -> None:
    ana = person("ana")
    with pytest.raises(LinkNotMailable, match="no email address"):
        reset(ana, admin)
    with_address(ana)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    with pytest.raises(LinkNotMailable, match="disabled"):
        reset(ana, admin)


def test_link_that_the_mail_server_does_not_take_is_tried_again_and_given_up_after_a_day(
    admin: User, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(admin)
    monkeypatch.setattr(EmailMessage, "send", lambda _self: (_ for _ in ()).throw(ConnectionRefusedError()))
    assert link_mail.send_due_links() == 0
    assert link_mail.send_due_links() == 0
    link = PasswordLink.objects.get()
    assert link.mailed_at is None
    assert link.next_at is not None
    assert link.next_at > timezone.now()
    yesterday = timezone.now() - timedelta(hours=25)
    PasswordLink.objects.update(asked_at=yesterday, next_at=yesterday)
    link_mail.send_due_links()
    assert PasswordLink.objects.get().next_at is None
    assert [event["action"] for event in events("account.link_given_up")] == ["account.link_given_up"]
    assert mailoutbox == []


def test_link_is_mailed_in_the_language_of_the_person_and_of_the_administrator_for_a_new_one(
    admin: User, mailoutbox: Outbox
) -> None:
    User.objects.filter(pk=admin.pk).update(language="pt-br")
    admin.refresh_from_db()
    add(admin)
    mailed(mailoutbox)
    assert "Seu nome de usuário é ana" in str(mailoutbox[-1].body)
    leo = with_address(person("leo"))
    User.objects.filter(pk=leo.pk).update(language="en")
    reset(leo, admin)
    mailed(mailoutbox)
    assert "asked for a new password for your account leo" in str(mailoutbox[-1].body)


@pytest.mark.django_db(transaction=True)
def test_of_two_people_added_with_one_name_at_once_one_exists(admin: User, admin2: User) -> None:
    def adding(by: User) -> object:
        try:
            return add(by)
        except GovernanceViolation as violation:
            return violation
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(adding, (admin, admin2)))
    assert sorted(type(result).__name__ for result in results) == ["AccountNotAddable", "User"]
    assert User.objects.filter(username="ana").count() == 1
    assert GovernanceProposal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_passwords_chosen_with_one_link_at_once_one_counts(admin: User) -> None:
    ana = add(admin)

    def using(password: str) -> bool:
        try:
            return password_links.use_link(ana, password)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(using, (PASSWORD, "another-river-stones-42")))
    assert sorted(results) == [False, True]
    assert len(events("account.password_changed")) == 1


def test_chosen_password_deletes_all_sessions(admin: User, mailoutbox: Outbox) -> None:
    """Also the rows: a session whose row stays would come back with the old hash of the password."""
    ana = with_address(person("ana", Role.APPROVER))
    assert Client().login(username="ana", password="ana-correct-horse")
    reset(ana, admin)
    address = mailed(mailoutbox)
    assert choose(address) == 302
    open_sessions = [each.get_decoded().get("_auth_user_id") for each in Session.objects.all()]
    assert str(ana.pk) not in open_sessions
