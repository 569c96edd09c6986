"""Exceptions of the auditor's overview, as the commands and the worker record them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.period import last_days
from portal.audit.reports.overview import build_overview
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.rules import guards
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from tests.changing import approve, work
from tests.people import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]


def exceptions() -> dict[str, int]:
    """Return the exceptions of today that occurred."""
    return {name: number for name, number in build_overview(last_days(1)).exceptions.items() if number}


def test_approval_of_a_high_risk_change_alone_is_an_exception(
    propose: Callable[..., Proposal], requester: User, approver: User
) -> None:
    for number, patch in ((60, {"notes": "x"}), (61, {"url": "https://elsewhere.example"})):
        mirrored(number, f"api-{number}")
        approve(submission.submit_change(propose(identifier=number, **patch), by=requester), approver)
        assert exceptions() == ({} if number == 60 else {"high_risk": 1})


def test_attempt_to_approve_an_own_change_is_an_exception(submitted: Change, requester: User) -> None:
    roles.add_to_role(requester, Role.APPROVER)
    with pytest.raises(guards.OwnChange):
        approve(submitted, User.objects.get(pk=requester.pk))
    assert exceptions() == {"refused_votes": 1, "self_approvals": 1}


def test_edit_made_directly_in_segura_is_an_exception_and_a_delivery_without_one_is_none(
    segura: Sandbox, approved: Callable[..., Change]
) -> None:
    change = approved(notes="theirs")
    segura.control.edit(43, url="https://moved.example")
    assert work(change).status == Status.STALE
    assert exceptions() == {"outside_edits": 1}
