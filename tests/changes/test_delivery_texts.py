"""Texts about a delivery state only what was observed: each cause names what was read, and what was not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from portal.accounts.models import User
from portal.changes.delivery import claims, status_changes
from portal.changes.models import Change, Status, StatusCause
from portal.sandbox import Sandbox
from tests.changes.pages import page_of, text_of
from tests.changing import approve, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
NO_ACCESS = "refuse:1006:User does not have access"


@pytest.fixture
def claimed(submitted: Change, approver: User) -> Change:
    approve(submitted, approver)
    change = claims.claim_change(submitted.pk)
    assert change is not None
    return change


def test_unreadable_secret_is_not_said_to_be_unchanged_t1(
    segura: Sandbox, approved: Callable[..., Change], as_person: AsPerson, requester: User, settings: Any
) -> None:
    settings.DELIVERY_BACKOFF_S = 5.0
    change = approved(url="https://gcp-eu.example")
    segura.control.plan("504_after_apply", endpoint="update")
    work(change)
    segura.control.plan(NO_ACCESS, endpoint="get", times=None)
    Change.objects.filter(pk=change.pk).update(not_before=None)
    work(change)
    change.refresh_from_db()
    assert change.cause == StatusCause.REPEAT_UNREAD
    words = text_of(page_of(as_person(requester), change))
    assert "could not be read back" in words
    assert "would be overwritten" in words
    assert "was not applied" not in words


def test_page_in_doubt_says_that_unread_values_are_sent_again_t3(
    claimed: Change, as_person: AsPerson, requester: User
) -> None:
    status_changes.mark_in_doubt(claimed, StatusCause.UNANSWERED, code=504, message="timed out")
    words = text_of(page_of(as_person(requester), claimed))
    assert "Where Segura denies the read, the approved values are sent again" in words
    assert "blindly" not in words


def test_applied_page_says_that_the_secret_was_not_read_back_t10(
    claimed: Change, as_person: AsPerson, requester: User
) -> None:
    with transaction.atomic():
        status_changes.mark_applied(claimed, StatusCause.CONFIRMED, code=200)
    words = text_of(page_of(as_person(requester), claimed))
    assert "Segura confirmed the change" in words
    assert "The secret was not read back." in words
    Change.objects.filter(pk=claimed.pk).update(cause=StatusCause.READ_BACK)
    assert "The secret was not read back." not in text_of(page_of(as_person(requester), claimed))


@pytest.mark.parametrize(
    ("status", "label"),
    [
        (Status.IN_DOUBT, "Outcome unknown"),
        (Status.NEEDS_ATTENTION, "Needs an administrator"),
        (Status.STALE, "Out of date"),
    ],
)
def test_badge_names_what_is_known_and_who_acts(status: Status, label: str) -> None:
    assert status.label == label
