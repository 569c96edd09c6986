"""manage.py user: the first accounts of a deployment."""

from __future__ import annotations

import json
import os
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from portal.accounts.models import User
from portal.accounts.roles import Right, rights_of
from portal.audit.models import Event

pytestmark = pytest.mark.django_db


def person(*arguments: str) -> str:
    out = StringIO()
    call_command("user", *arguments, stdout=out)
    return out.getvalue()


def test_new_person_gets_the_role_and_a_password_that_works() -> None:
    password = person("ana", "--role", "approver").split()[-1]
    ana = User.objects.get(username="ana")
    assert ana.check_password(password)
    assert not ana.is_demo
    assert rights_of(ana) == {Right.DECIDE}


def test_roles_are_set_not_added_and_the_password_is_kept() -> None:
    password = person("ana", "--role", "approver", "--role", "requester").split()[-1]
    assert "Password" not in person("ana", "--role", "auditor")
    ana = User.objects.get(username="ana")
    assert rights_of(ana) == {Right.AUDIT}
    assert ana.check_password(password)


def test_log_keeps_who_got_which_role_and_no_password() -> None:
    password = person("ana", "--role", "approver").split()[-1]
    made, granted = Event.objects.order_by("id")
    assert (made.action, granted.action) == ("account.created", "access.granted")
    assert json.loads(granted.text)["data"] == {"person": "ana", "roles": ["approver"]}
    assert password not in made.text + granted.text


def test_actor_is_the_console_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "maria")
    person("ana")
    assert Event.objects.get().actor == f"console (uid {os.getuid()})"


def test_new_password_leaves_the_roles() -> None:
    first = person("ana", "--role", "approver").split()[-1]
    second = person("ana", "--new-password").split()[-1]
    ana = User.objects.get(username="ana")
    assert rights_of(ana) == {Right.DECIDE}
    assert ana.check_password(second)
    assert not ana.check_password(first)
    assert Event.objects.first().action == "account.password_changed"  # type: ignore[union-attr]


def test_without_options_nothing_happens_to_an_account() -> None:
    person("ana", "--role", "approver")
    events = Event.objects.count()
    assert person("ana") == "ana: Approvers\n"
    assert Event.objects.count() == events


def test_roles_can_be_taken_away() -> None:
    person("ana", "--role", "approver")
    person("ana", "--no-role")
    assert rights_of(User.objects.get(username="ana")) == set()


def test_account_is_switched_off_and_on_again_on_record() -> None:
    person("ana", "--role", "approver")
    browser = Client()
    browser.force_login(User.objects.get(username="ana"))
    assert "switched off" in person("ana", "--disable")
    assert browser.get("/").headers["Location"].startswith("/accounts/login/")
    assert rights_of(User.objects.get(username="ana")) == set()
    person("ana", "--enable")
    assert rights_of(User.objects.get(username="ana")) == {Right.DECIDE}
    assert list(Event.objects.values_list("action", flat=True)[:2]) == ["account.enabled", "account.disabled"]


def test_mistyped_name_is_not_made_in_order_to_be_switched_off() -> None:
    with pytest.raises(CommandError, match="There is no account anna"):
        person("anna", "--disable")
    assert not User.objects.exists()


def test_impossible_name_is_a_sentence_and_makes_nobody() -> None:
    with pytest.raises(CommandError, match="cannot be a user name"):
        person("ana maria", "--role", "approver")
    assert not User.objects.filter(username__startswith="ana").exists()


def test_address_is_set_and_taken_away_and_the_log_keeps_that_it_was() -> None:
    person("ana", "--email", "ana@example.com")
    assert User.objects.get(username="ana").email == "ana@example.com"
    changed = Event.objects.get(action="account.address_changed")
    assert json.loads(changed.text)["data"] == {"person": "ana"}
    with pytest.raises(CommandError, match="no e-mail address"):
        person("ana", "--email", "ana@")
    person("ana", "--email", "")
    assert User.objects.get(username="ana").email == ""
