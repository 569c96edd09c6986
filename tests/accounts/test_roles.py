"""Who holds a right."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.accounts.roles import Right, users_with_right

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("demo", [True, False])
def test_demo_accounts_count_within_the_demo_only(settings: Settings, approver: User, demo: bool) -> None:
    settings.PORTAL_DEMO = demo
    User.objects.update(is_demo=True)
    assert users_with_right(Right.DECIDE).exists() is demo


def test_switched_off_people_do_not_count(approver: User, approver2: User) -> None:
    User.objects.filter(pk=approver.pk).update(is_active=False)
    assert list(users_with_right(Right.DECIDE)) == [approver2]
