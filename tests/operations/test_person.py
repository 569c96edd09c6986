"""manage.py person: the first accounts of a deployment."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.accounts.models import User
from portal.accounts.roles import Right, rights_of
from portal.audit.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.domain]


def person(*arguments: str) -> str:
    out = StringIO()
    call_command("person", *arguments, stdout=out)
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
    event = Event.objects.get(action="access.granted")
    assert "command line" in event.actor
    assert json.loads(event.text)["data"]["roles"] == ["approver"]
    assert password not in event.text


def test_impossible_name_is_a_sentence_and_makes_nobody() -> None:
    with pytest.raises(CommandError, match="cannot be a user name"):
        person("ana maria", "--role", "approver")
    assert not User.objects.filter(username__startswith="ana").exists()
