"""A person who leaves: what was approved with their vote waits again, and every page says what is missing now."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.changes.models import Change, Status, Vote
from portal.governance import people
from portal.sandbox import Sandbox
from tests.changes.pages import page_of, text_of
from tests.changing import approve, work
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]


def disable(user: User, by: User) -> None:
    people.disable_account(user.pk, by=by, reason="Has left", recent_auth=PRESENT)


def take_role(user: User, by: User) -> None:
    people.take_roles(user.pk, ["approver"], by=by, reason="Moves to another team", recent_auth=PRESENT)


LEAVE = pytest.mark.parametrize("leave", [disable, take_role])


@LEAVE
def test_change_that_a_leaver_had_approved_is_not_sent_and_waits_in_the_queue_of_the_others(
    leave: Callable[[User, User], None],
    segura: Sandbox,
    approved: Callable[..., Change],
    approver: User,
    approver2: User,
    admin: User,
    as_person: AsPerson,
) -> None:
    change = approved()
    leave(approver, admin)
    change.refresh_from_db()
    assert change.status == Status.PENDING
    assert Vote.objects.get(voter=approver).voided_at is not None
    assert "Needs 1 more approval" in text_of(page_of(as_person(approver2), change))
    assert change.reference in text_of(as_person(approver2).get(reverse("changes:queue")))
    assert "1 more approval needed" in text_of(as_person(admin).get(reverse("changes:all")))
    assert work(change).status == Status.PENDING
    assert segura.control.arrivals("update") == []
    assert approve(change, approver2).status == Status.APPROVED
    assert work(change).status == Status.APPLIED


@LEAVE
def test_change_that_nobody_can_approve_after_a_person_left_says_so_everywhere(
    leave: Callable[[User, User], None],
    segura: Sandbox,
    approved: Callable[..., Change],
    approver: User,
    requester: User,
    admin: User,
    as_person: AsPerson,
) -> None:
    change = approved()
    leave(approver, admin)
    for reader, page in (
        (requester, page_of(as_person(requester), change)),
        (admin, page_of(as_person(admin), change)),
    ):
        assert "No one can approve this now" in text_of(page), reader
    assert "No one can approve this now" in text_of(as_person(admin).get(reverse("changes:all")))
    assert "No change can be approved" in text_of(as_person(admin).get(reverse("operations:users")))


@LEAVE
def test_leaver_decides_nothing_in_any_open_session(
    leave: Callable[[User, User], None], submitted: Change, approver: User, admin: User, as_person: AsPerson
) -> None:
    office, phone = as_person(approver), as_person(approver)
    leave(approver, admin)
    for browser in (office, phone):
        answer = browser.get(reverse("changes:queue"))
        assert answer.status_code == 403 or answer.headers["Location"].startswith("/accounts/login/")
