"""One name is one account, however it is spelled: where accounts are made, and where they are looked up."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.accounts.usernames import fold_username
from portal.audit.forms import LogFilterForm
from portal.audit.models import Event
from portal.changes.domain.mentions import split_mentions
from portal.changes.models import Change
from portal.changes.workflow.comments import find_mentioned_viewers
from portal.devserver.demo_users import ensure_demo_users
from tests.people import person

pytestmark = pytest.mark.django_db

SAME = [
    ("approver", "Approver"),
    ("approver", "APPROVER"),
    ("strasse", "stra\u00dfe"),
    ("stra\u00dfe", "STRA\u1e9eE"),
    ("simi", "s\u0131mi"),
    ("simi", "\u017fimi"),
    ("simi", "S\u0130M\u0130"),
    ("kelvin", "\u212aelvin"),
    ("ana", "\uff41\uff4e\uff41"),
    ("jos\u00e9", "jose\u0301"),
    ("jos\u00e9", "JOSE\u0301"),
    ("\u03c3\u03b1\u03c2", "\u03a3\u0391\u03a3"),
    ("file", "\ufb01le"),
]
UNSEEN = [
    "ana ",
    " ana",
    "ana\u3164",
    "a\u200bna",
    "ana\u00ad",
    "ana\u2800",
    "ana\ufe0f",
    "ana\u00a0",
    "\u3164",
    "a\tb",
]
DIFFERENT = [("ana", "anna"), ("jose", "jos\u00e9"), ("ana", "ana1"), ("a.b", "ab"), ("ana", "ana_")]


@pytest.mark.parametrize(("name", "other"), SAME)
def test_second_account_of_one_name_is_refused_wherever_it_is_made(name: str, other: str) -> None:
    User.objects.create_user(name)
    with pytest.raises(ValidationError, match=f"The account {name} has this name already"):
        User.objects.create_user(other)
    with pytest.raises(ValidationError, match=f"The account {name} has this name already"):
        User(username=other, password="x").full_clean()
    with pytest.raises(CommandError, match=name):
        call_command("user", other, "--role", "requester")
    assert User.objects.get() == User.objects.find_by_name(other)


@pytest.mark.parametrize(("name", "other"), SAME)
def test_database_takes_no_second_account_past_the_model(name: str, other: str) -> None:
    User.objects.create_user(name)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(username=other)])


def test_sql_by_hand_makes_no_second_account_and_renames_no_account_to_one() -> None:
    person("approver")
    insert = (
        "INSERT INTO accounts_user (username, password, is_superuser, first_name, last_name, email, is_staff,"
        " is_active, date_joined, is_demo) VALUES (%s, '', false, '', '', '', false, true, now(), false)"
    )
    for name in ("Approver", "APPROVER", "\uff41pprover"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(insert, [name])
    with connection.cursor() as cursor:
        cursor.execute(insert, ["Maria"])
    assert User.objects.find_by_name("maria") is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(username="Maria").update(username="Approver")


@pytest.mark.parametrize(("name", "other"), DIFFERENT)
def test_different_names_are_different_accounts(name: str, other: str) -> None:
    first, second = User.objects.create_user(name), User.objects.create_user(other)
    assert (User.objects.find_by_name(name), User.objects.find_by_name(other)) == (first, second)


@pytest.mark.parametrize("name", UNSEEN)
def test_name_with_spaces_or_invisible_characters_is_no_account(name: str) -> None:
    with pytest.raises(ValidationError, match="invisible characters"):
        User.objects.create_user(name)
    with pytest.raises(CommandError, match="cannot be a user name"):
        call_command("user", name)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "char", ["\u00df", "\u0131", "\u0130", "\u017f", "\u212a", "\u1fb7", "\ufb03", "\u03c2", "\u00c5", "q"]
)
def test_folded_name_does_not_depend_on_how_it_is_typed(char: str) -> None:
    spellings = (char, char.upper(), char.lower(), char.title(), char.swapcase())
    assert {fold_username(f"x{spelling}y") for spelling in spellings} == {fold_username(f"x{char}y")}
    assert fold_username(fold_username(char)) == fold_username(char)


@pytest.mark.parametrize(("name", "other"), SAME)
def test_person_signs_in_under_every_spelling_of_the_name(client: Client, name: str, other: str) -> None:
    user = User.objects.create_user(name, password="a-correct-horse")
    client.post("/accounts/login/", {"login": other, "password": "a-correct-horse"})
    assert client.session[SESSION_KEY] == str(user.pk)
    Client().post("/accounts/login/", {"login": other, "password": "a wrong guess"})
    assert Event.objects.filter(action="session.failed").values_list("actor", flat=True)[0] == user.username


def test_console_names_the_account_that_another_spelling_means_and_changes_nothing() -> None:
    person("approver", Role.APPROVER)
    for options in (["--role", "requester"], ["--disable"], ["--new-password"], ["--no-role"], []):
        with pytest.raises(CommandError, match="There is the account approver"):
            call_command("user", "Approver", *options, stdout=StringIO())
    user = User.objects.get()
    assert user.is_active
    assert user.check_password("approver-correct-horse")
    assert not Event.objects.exists()


def test_demo_leaves_a_person_alone_whose_name_is_spelled_otherwise(tmp_path: Path) -> None:
    real = User.objects.create_user("Admin", password="kept-as-it-was")
    ensure_demo_users(tmp_path)
    real.refresh_from_db()
    assert real.check_password("kept-as-it-was")
    assert User.objects.count() == 7


def test_mention_means_the_account_however_it_is_spelled(submitted: Change, approver: User) -> None:
    typed = ["Approver", "\uff21pprover", "approver", "requester"]
    assert find_mentioned_viewers(submitted, typed) == ["approver", "requester"]
    assert [text for text, named in split_mentions("@APPROVER, see @other", ["approver"]) if named] == ["@APPROVER"]


def test_log_is_filtered_by_the_account_however_it_is_spelled() -> None:
    person("requester")
    assert LogFilterForm({"person": "Requester"}).is_valid()
    for typed, meant in (("Requester", ("requester",)), ("REQUESTER", ("requester",)), ("Gone", ("Gone",))):
        form = LogFilterForm({"person": typed})
        assert form.is_valid()
        assert form.filters().people == meant


def test_page_of_a_person_shows_the_acts_of_the_account(as_person, auditor: User) -> None:  # type: ignore[no-untyped-def]
    assert as_person(auditor).get("/audit/people/AUDITOR/").context["username"] == "auditor"
    viewed = json.loads(Event.objects.get(action="audit.read").text)
    assert viewed["data"]["person"] == "auditor"
