"""A right that is taken away ends with the next request, an account that is switched off with all its sessions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.test import Client

from portal.accounts.models import User
from portal.changes.delivery import claims, status_changes
from portal.changes.models import Change, Status, StatusCause, Vote
from tests.changes.pages import ballot_of, send
from tests.changing import approve

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_queue"),
    pytest.mark.shows("W06"),
]
AsPerson = Callable[[User], Client]


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_vote_is_refused_on_the_request_after_the_role_was_taken_away(
    verdict: str, as_person: AsPerson, approver: User, submitted: Change
) -> None:
    browser = as_person(approver)
    assert browser.get("/queue/").status_code == 200
    call_command("user", "approver", "--role", "auditor", verbosity=0)  # who may still read it
    answer = send(browser, verdict, submitted, ballot_of(submitted, reason="As before"))
    assert answer.status_code == 403
    assert browser.get("/queue/").status_code == 403
    assert not Vote.objects.exists()
    call_command("user", "approver", "--no-role", verbosity=0)
    assert send(browser, verdict, submitted, ballot_of(submitted, reason="As before")).status_code == 404


def test_requester_without_the_role_proposes_and_revises_nothing(
    as_person: AsPerson, requester: User, submitted: Change
) -> None:
    browser = as_person(requester)
    call_command("user", "requester", "--no-role", verbosity=0)
    for address in ("/secrets/43/propose/", f"/changes/{submitted.pk}/revise/"):
        assert browser.post(address, {"act": "confirm"}).status_code == 403
    submitted.refresh_from_db()
    assert (submitted.revision, Change.objects.count()) == (1, 1)


def test_who_no_longer_operates_the_portal_settles_nothing(
    as_person: AsPerson, admin: User, approver: User, submitted: Change
) -> None:
    approve(submitted, approver)
    taken = claims.claim_change(submitted.pk)
    assert taken is not None
    status_changes.escalate_to_operator(taken, StatusCause.THIRD_VALUE)
    browser = as_person(admin)
    call_command("user", "admin", "--role", "auditor", verbosity=0)
    found = {"applied": "yes", "reason": "I looked"}
    for act in ("recheck", "resolve"):
        assert send(browser, act, submitted, found).status_code == 403
    submitted.refresh_from_db()
    assert submitted.status == Status.NEEDS_ATTENTION


def test_auditor_without_the_role_reads_no_further(as_person: AsPerson, auditor: User, submitted: Change) -> None:
    browser = as_person(auditor)
    assert browser.get("/audit/").status_code == 200
    call_command("user", "auditor", "--no-role", verbosity=0)
    for address in ("/audit/", "/audit/export.csv", f"/audit/changes/{submitted.pk}/"):
        assert browser.get(address).status_code == 403


def test_sessions_of_an_account_that_is_switched_off_end_and_stay_ended(
    as_person: AsPerson, approver: User, approver2: User, submitted: Change
) -> None:
    office, home, colleague = as_person(approver), as_person(approver), as_person(approver2)
    assert office.get("/queue/").status_code == 200
    call_command("user", "approver", "--disable", verbosity=0)
    refused = send(office, "approve", submitted, ballot_of(submitted))
    assert refused.headers["Location"].startswith("/accounts/login/")
    call_command("user", "approver", "--enable", verbosity=0)
    for browser in (office, home):
        assert send(browser, "approve", submitted, ballot_of(submitted)).headers["Location"].startswith("/accounts/")
    assert not Vote.objects.exists()
    assert colleague.get("/queue/").status_code == 200
