"""What needs the requester: requests for changes, changes that are out of date, failed or stuck, and drafts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.models.draft import Draft
from portal.changes.presenters import own_changes
from portal.changes.workflow import review, submission
from tests.changes.pages import text_of
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]
WORDS = "Use the EU host, and name the ticket"


def request_changes(change: Change, by: User) -> None:
    review.request_changes(
        change.pk,
        by=by,
        revision=change.revision,
        digest=change.get_current_revision().digest,
        reason=WORDS,
        recent_auth=PRESENT,
    )


def navigation_count(markup: str) -> str:
    entry = re.search(r'<a href="/"[^>]*>.*?</a>', markup.partition("<nav")[2], re.DOTALL)
    assert entry
    found = re.search(r'class="count">(\d+)', entry[0])
    return found[1] if found else ""


def test_request_for_changes_comes_first_on_the_requesters_home_with_badge_and_count_h1(
    as_person: AsPerson, requester: User, approver: User, propose: Propose
) -> None:
    asked = submission.submit_change(propose(), by=requester)
    other = submission.submit_change(propose(url="https://gcp-us.example"), by=requester)
    browser = as_person(requester)
    assert navigation_count(browser.get("/").content.decode()) == ""
    request_changes(asked, approver)
    page = browser.get("/")
    words = text_of(page).split("New change")[1]
    assert (
        words.index("Needs you")
        < words.index(asked.reference)
        < words.index("In progress")
        < words.index(other.reference)
    )
    assert 'data-status="changes_requested"' in page.content.decode()
    assert navigation_count(page.content.decode()) == "1"
    assert navigation_count(browser.get("/changes/mine/").content.decode()) == "1"


def test_row_shows_the_approvers_text_and_revise_h2(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    request_changes(submitted, approver)
    page = as_person(requester).get("/")
    assert f"{approver.display_name}: {WORDS}" in text_of(page)
    assert f'href="/changes/{submitted.pk}/revise/"' in page.content.decode()


@pytest.mark.parametrize("address", ["/changes/mine/", "/changes/"])
def test_status_filter_finds_requested_changes_h5(
    address: str, as_person: AsPerson, requester: User, auditor: User, approver: User, propose: Propose
) -> None:
    asked = submission.submit_change(propose(), by=requester)
    other = submission.submit_change(propose(url="https://gcp-us.example"), by=requester)
    request_changes(asked, approver)
    reader = requester if "mine" in address else auditor
    page = as_person(reader).get(address, {"status": "changes_requested"})
    assert asked.reference in text_of(page)
    assert other.reference not in text_of(page)
    assert 'data-status="changes_requested"' in page.content.decode()


def test_new_requester_sees_one_primary_action_h6(as_person: AsPerson, requester: User, approver: User) -> None:
    content = as_person(requester).get("/").content.decode().partition("<main")[2]
    assert content.count("btn-primary") == 1


def test_filter_failed_lists_the_retryable_ones_with_retry_ac1(
    as_person: AsPerson, requester: User, admin: User, propose: Propose
) -> None:
    fresh, old = (submission.submit_change(propose(), by=requester) for _ in range(2))
    now = timezone.now()
    Change.objects.filter(pk=fresh.pk).update(status=Status.FAILED, closed_at=now)
    Change.objects.filter(pk=old.pk).update(status=Status.FAILED, closed_at=now - timedelta(days=8))
    for reader, address in ((admin, "/changes/"), (requester, "/changes/mine/")):
        markup = as_person(reader).get(address, {"status": "failed"}).content.decode()
        assert f'href="/changes/{fresh.pk}/#again"' in markup
        assert f'href="/changes/{old.pk}/#again"' not in markup
        assert old.reference in markup


def test_search_of_my_changes_reads_ticket_and_reason(
    as_person: AsPerson, requester: User, approver: User, propose: Propose
) -> None:
    submission.submit_change(propose(), by=requester)
    with_ticket = replace(propose(url="https://gcp-us.example"), ticket="OPS-105")
    found = submission.submit_change(with_ticket, by=requester)
    browser = as_person(requester)
    for text in ("ops-105", found.reference):
        page = browser.get("/changes/mine/", {"q": text})
        assert [row.change.pk for row in page.context["open"]["rows"]] == [found.pk]
    assert len(browser.get("/changes/mine/", {"q": "moves to the EU"}).context["open"]["rows"]) == 2


def test_change_that_no_one_can_approve_needs_its_requester(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    assert own_changes.count_needing_requester(requester) == 0
    Group.objects.get(name="Approvers").user_set.clear()
    assert own_changes.count_needing_requester(requester) == 1
    assert "Needs you 1" in text_of(as_person(requester).get("/"))


def test_count_is_that_of_the_rows(requester: User, requester2: User, approver: User, propose: Propose) -> None:
    states = (Status.STALE, Status.FAILED, Status.PENDING, Status.APPLIED)
    for by in (requester, requester2):
        for status in states:
            change = submission.submit_change(propose(), by=by)
            Change.objects.filter(pk=change.pk).update(status=status, closed_at=timezone.now())
    Draft.objects.create(person=requester, secret=43, secret_name="GCP", patch={}, updated_at=timezone.now())
    assert own_changes.count_needing_requester(requester) == own_changes.load_own_changes(requester).waiting == 3
