"""The seven demo accounts."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import override_settings

from portal.accounts.models import User
from portal.accounts.roles import Right, has_right
from portal.devserver.demo_users import PEOPLE, ensure_demo_users

pytestmark = pytest.mark.django_db


def test_seven_people_with_the_roles_their_names_say(tmp_path: Path) -> None:
    passwords = ensure_demo_users(tmp_path)
    assert set(passwords) == set(PEOPLE)
    people = {user.username: user for user in User.objects.all()}
    assert all(user.is_demo for user in people.values())
    assert [name for name in PEOPLE if has_right(people[name], Right.PROPOSE)] == ["requester", "requester2"]
    assert [name for name in PEOPLE if has_right(people[name], Right.DECIDE)] == ["approver", "approver2"]
    assert [name for name in PEOPLE if has_right(people[name], Right.AUDIT)] == ["auditor"]
    assert [name for name in PEOPLE if has_right(people[name], Right.OPERATE)] == ["admin", "admin2"]


def test_passwords_are_random_private_and_the_same_after_a_restart(tmp_path: Path) -> None:
    passwords = ensure_demo_users(tmp_path)
    assert len(set(passwords.values())) == 7
    assert (tmp_path / "accounts.json").stat().st_mode & 0o777 == 0o600
    hashes = dict(User.objects.values_list("username", "password"))
    assert ensure_demo_users(tmp_path) == passwords
    assert dict(User.objects.values_list("username", "password")) == hashes
    assert User.objects.get(username="auditor").check_password(passwords["auditor"])


def test_lost_state_folder_gives_the_people_new_passwords(tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    ensure_demo_users(tmp_path)
    passwords = ensure_demo_users(tmp_path / "later")
    assert User.objects.get(username="admin").check_password(passwords["admin"])


def test_real_person_of_the_same_name_keeps_password_and_roles(tmp_path: Path) -> None:
    real = User.objects.create_user("admin", password="kept-as-it-was")
    ensure_demo_users(tmp_path)
    real.refresh_from_db()
    assert real.check_password("kept-as-it-was")
    assert not real.is_demo
    assert not has_right(real, Right.OPERATE)


@pytest.mark.parametrize(("demo", "expected"), [(True, True), (False, False)])
def test_demo_account_signs_in_within_the_demo_only(client, tmp_path: Path, demo: bool, expected: bool) -> None:
    passwords = ensure_demo_users(tmp_path)
    with override_settings(PORTAL_DEMO=demo):
        client.post("/accounts/login/", {"login": "requester", "password": passwords["requester"]})
    assert ("_auth_user_id" in client.session) is expected
