"""The way of a change as its page tells it, to everybody who may see it; and what its states mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.audit import ledger
from portal.changes.delivery import claims
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.presenters import history, status_help
from portal.changes.workflow import review, submission
from tests.changes.pages import ballot_of, page_of, send, text_of
from tests.changing import approve, work
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]


def titles(change: Change) -> list[str]:
    return [moment.title for moment in history.build_history(change, {})]


def test_it_runs_from_the_proposal_through_votes_and_revisions(
    approver: User, approver2: User, requester: User, submitted: Change, propose: Propose
) -> None:
    digest = submitted.get_current_revision().digest
    review.request_changes(
        submitted.pk, by=approver, revision=1, digest=digest, reason="Keep the tags", recent_auth=PRESENT
    )
    revised = submission.revise_change(submitted.pk, propose(tags="Cloud, EU"), by=requester)
    approve(revised, approver2)
    told = history.build_history(revised, {"approver": User(username="approver", first_name="Ana", last_name="Moreau")})
    assert [moment.title for moment in told] == [
        "Proposed",
        "Requested changes",
        "Revised: votes reset",
        "Approved",
        "Fully approved",
    ]
    assert (told[1].by, told[1].words, told[1].tone) == ("Ana Moreau", "Keep the tags", "warn")


def test_it_tells_each_exchange_with_its_code(approved: Callable[..., Change]) -> None:
    change = work(approved())
    told = history.build_history(change, {})
    assert told[-1].title == "Applied"
    codes = [moment.code for moment in told if moment.title == "Segura's response to the update"]
    assert codes == [200]
    assert any("GET" in moment.line for moment in told)


def test_a_requester_reads_it_without_the_right_to_audit(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    send(as_person(approver), "reject", submitted, ballot_of(submitted, reason="Not before the audit"))
    words = text_of(page_of(as_person(requester), submitted)).partition("Activity")[2]
    assert words.index("Proposed") < words.index("Rejected")
    assert "Not before the audit" in words
    assert "In the audit log" not in words


def test_what_is_for_auditors_only_is_not_told(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    send(as_person(requester), "approve", submitted, ballot_of(submitted))
    ledger.record_event("change.retry_refused", by="requester", change=submitted.pk, data={"rule": "ValueDiffers"})
    assert titles(submitted) == ["Proposed"]


def test_the_newest_steps_are_told_where_there_are_very_many(
    submitted: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST", 3)
    for number in range(5):
        ledger.record_event("change.in_doubt", change=submitted.pk, data={"reason": f"Look {number}"})
    assert [moment.words for moment in history.build_history(submitted, {})] == ["Look 2", "Look 3", "Look 4"]


def test_every_state_says_what_it_means(as_person: AsPerson, requester: User, submitted: Change) -> None:
    assert set(status_help.STATUS_HELP) == set(Status)
    words = text_of(page_of(as_person(requester), submitted))
    assert "What does “Pending” mean?" in words
    assert "Requesters cannot approve their own change" in words


def test_it_follows_a_status_that_moves(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    browser = as_person(requester)
    approve(submitted, approver)
    claims.claim_change(submitted.pk)
    part = browser.get(f"/changes/{submitted.pk}/status/", {"seen": "1.pending.0"}, headers={"HX-Request": "true"})
    page = part.content.decode()
    assert 'id="history"' in page
    assert "Fully approved" in page


@pytest.mark.parametrize("status", [Status.PENDING, Status.APPROVED, Status.IN_DOUBT, Status.FAILED])
def test_the_whole_page_stays_within_thirteen_queries(
    status: Status, as_person: AsPerson, approver: User, submitted: Change, django_assert_max_num_queries: Any
) -> None:
    Change.objects.filter(pk=submitted.pk).update(status=status, fence=status != Status.PENDING)
    browser = as_person(approver)
    for number in range(30):
        ledger.record_event("change.in_doubt", change=submitted.pk, data={"reason": f"Look {number}"})
    page_of(browser, submitted)
    with django_assert_max_num_queries(13):
        page_of(browser, submitted)
