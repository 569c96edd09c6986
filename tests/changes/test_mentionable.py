"""Names that are suggested behind an @: of users who may see the change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.models import Change
from portal.changes.rules.viewers import MOST_SUGGESTED

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]


def suggested(browser: Client, change: Change, typed: str) -> list[str]:
    page = browser.get(f"/changes/{change.pk}/mentionable/", {"q": typed}).content.decode()
    return [part.partition('"')[0] for part in page.split('<option value="')[1:]]


@pytest.fixture
def jose(db: None) -> User:
    user = User.objects.create(username="jsilva", first_name="José", last_name="da Silva")
    roles.add_to_role(user, Role.APPROVER)
    return user


@pytest.mark.parametrize("typed", ["js", "JSIL", "jose", "José", "silv"])
def test_username_and_each_word_of_the_full_name_are_found_without_case_and_accents(
    submitted: Change, approver: User, jose: User, as_person: AsPerson, typed: str
) -> None:
    assert suggested(as_person(approver), submitted, typed) == [jose.username]


def test_those_who_may_not_see_the_change_and_the_writer_are_not_suggested(
    submitted: Change, approver: User, approver2: User, requester2: User, as_person: AsPerson
) -> None:
    User.objects.filter(pk=approver2.pk).update(is_active=False)
    assert suggested(as_person(approver), submitted, "") == [submitted.requester.username]


def test_a_long_list_is_cut(submitted: Change, approver: User, as_person: AsPerson) -> None:
    for number in range(MOST_SUGGESTED + 1):
        roles.add_to_role(User.objects.create(username=f"lead{number}"), Role.AUDITOR)
    assert len(suggested(as_person(approver), submitted, "lead")) == MOST_SUGGESTED


@pytest.mark.parametrize("typed", ["\0", "%", "_", "x" * 2000, "'"])
def test_any_text_is_answered(submitted: Change, approver: User, as_person: AsPerson, typed: str) -> None:
    assert suggested(as_person(approver), submitted, typed) == []
