"""Pages that add a person and send links: what they say, what crafted forms do, and that no page shows a link."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from portal.accounts.models import User
from portal.accounts.roles import Right, Role, rights_of
from portal.governance import link_mail
from portal.governance.models import GovernanceProposal, PasswordLink
from tests.governance.test_invitations import PASSWORD, link_in
from tests.operations.test_pages_delivery import text_of
from tests.people import person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
ANA = {
    "full_name": "Ana Alves",
    "username": "ana",
    "email": "ana@corp.example",
    "roles": ["approver"],
    "reason": "Joins the approvers",
}


@pytest.fixture
def admin2(db: None) -> User:
    return person("admin2", Role.ADMINISTRATOR)


@pytest.fixture
def mail_server(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.invalid"


def add(browser: Client, **changed: object) -> int:
    return browser.post(reverse("operations:add_user"), {**ANA, **changed}).status_code


@pytest.mark.usefixtures("mail_server")
def test_person_is_added_chooses_a_password_and_has_the_role_after_the_second_approval(
    as_person: AsPerson, admin: User, admin2: User, mailoutbox: list[EmailMessage]
) -> None:
    first, second = as_person(admin), as_person(admin2)
    answer = first.post(reverse("operations:add_user"), ANA, follow=True)
    page = text_of(answer)
    filed = GovernanceProposal.objects.get()
    assert f"You added Ana Alves and proposed the roles as {filed.reference}." in page
    assert "waiting to be mailed since" in page
    link_mail.send_due_links()
    address = link_in(mailoutbox[-1])
    token = address.rstrip("/").rpartition("/")[2]
    page = text_of(second.get(reverse("operations:proposal", args=[filed.pk])))
    assert "Ana Alves has never signed in." in page
    assert "ana@corp.example" in page
    for reader in (first, second):
        for name, numbers in (("user", [filed.subject_id]), ("proposal", [filed.pk]), ("users", []), ("proposals", [])):
            assert token not in reader.get(reverse(f"operations:{name}", args=numbers)).content.decode()
    hers = Client()
    form = hers.get(address).headers["Location"]
    assert token not in form
    assert "Choose your password" in text_of(hers.get(form))
    answer = hers.post(form, {"new_password1": PASSWORD, "new_password2": PASSWORD}, follow=True)
    assert "Your password is set. Sign in with it." in text_of(answer)
    assert hers.login(username="ana", password=PASSWORD)
    second.post(reverse("operations:approve_proposal", args=[filed.pk]))
    assert rights_of(User.objects.get(username="ana")) == {Right.DECIDE}
    assert "used" in text_of(first.get(reverse("operations:user", args=[filed.subject_id])))


def test_form_refuses_what_is_missing_or_taken_and_keeps_what_was_typed(as_person: AsPerson, admin: User) -> None:
    browser = as_person(admin)
    taken = person("leo")
    User.objects.filter(pk=taken.pk).update(email="leo@corp.example")
    for changed, sentence in (
        ({"username": "LEO"}, "The account leo has this name already."),
        ({"username": "a b"}, "A user name takes no spaces and no invisible characters."),
        ({"email": "LEO@corp.example"}, "The account leo has this address already."),
        ({"email": "nonsense"}, "Enter a valid email address."),
        ({"roles": []}, "Select at least one role."),
        ({"roles": ["boss"]}, "boss is not one of the available choices."),
        ({"reason": ""}, "This field is required."),
    ):
        answer = browser.post(reverse("operations:add_user"), {**ANA, **changed})
        assert answer.status_code == 422, changed
        assert sentence in text_of(answer)
        assert 'value="Ana Alves"' in answer.content.decode()
    assert not User.objects.filter(username="ana").exists()
    assert not GovernanceProposal.objects.exists()


def test_password_is_asked_for_after_five_minutes(as_person: AsPerson, admin: User) -> None:
    browser = as_person(admin, minutes_ago=6)
    assert add(browser) == 422
    assert not User.objects.filter(username="ana").exists()
    assert add(browser, password="admin-correct-horse") == 302


def test_without_a_mail_server_the_pages_say_so_and_name_the_command(as_person: AsPerson, admin: User) -> None:
    browser = as_person(admin)
    assert "Countersign has no mail server here, so no link can be sent." in text_of(
        browser.get(reverse("operations:add_user"))
    )
    assert add(browser) == 302
    page = text_of(browser.get(reverse("operations:user", args=[User.objects.get(username="ana").pk])))
    assert "Countersign has no mail server here, so no link can be sent." in page
    assert "manage.py user ana --new-password" in page
    assert "Send the invitation again" not in page


@pytest.mark.usefixtures("mail_server")
def test_crafted_form_sends_no_link_to_oneself_or_to_a_person_without_an_address(
    as_person: AsPerson, admin: User
) -> None:
    ana = person("ana")
    User.objects.filter(pk=admin.pk).update(email="admin@corp.example")
    browser = as_person(admin)
    for whom, status in ((admin, 403), (ana, 422)):
        answer = browser.post(reverse("operations:send_link", args=[whom.pk]), {"reason": "Forgot it"})
        assert answer.status_code == status
    assert not PasswordLink.objects.exists()


@pytest.mark.usefixtures("mail_server")
def test_link_is_sent_again_and_the_page_of_the_person_says_what_became_of_it(
    as_person: AsPerson, admin: User, mailoutbox: list[EmailMessage]
) -> None:
    ana = person("ana")
    User.objects.filter(pk=ana.pk).update(email="ana@corp.example")
    browser = as_person(admin)
    answer = browser.post(reverse("operations:send_link", args=[ana.pk]), {"reason": "Forgot it"}, follow=True)
    assert "A link to choose a password is on its way to ana@corp.example." in text_of(answer)
    link_mail.send_due_links()
    assert "mailed" in text_of(browser.get(reverse("operations:user", args=[ana.pk])))
    assert len(mailoutbox) == 1


def test_adding_is_limited_and_showing_the_form_is_not(as_person: AsPerson, admin: User) -> None:
    browser = as_person(admin)
    for number in range(10):
        assert add(browser, username=f"ana{number}", email=f"ana{number}@corp.example") == 302
    assert browser.get(reverse("operations:add_user")).status_code == 200
    assert add(browser) == 429


def test_link_that_cannot_be_used_says_so_and_changes_nothing(client: Client) -> None:
    for uid, token in (("MQ", "set-password"), ("MQ", "c0ffee-deadbeef"), ("", "x"), ("%00", "x")):
        address = f"/accounts/password/choose/{uid or 'Zg'}/{token}/"
        for answer in (client.get(address), client.post(address, {"new_password1": PASSWORD})):
            assert answer.status_code == 404
            assert "This link can't be used" in text_of(answer)
