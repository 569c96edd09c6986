"""The page of notifications: one entry for each change, with its newest state; what the reader has opened is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.changes.delivery import claims, status_changes
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status, StatusCause
from portal.changes.transitions import move_change
from portal.changes.workflow import review, submission
from portal.notifications import dispatch, inbox
from portal.notifications.inbox_page import ChangeEntry
from portal.notifications.models import Notification
from tests.changing import approve
from tests.notifications.test_inbox import INBOX, READ, notices
from tests.people import mirrored
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]


def entries(browser: Client, show: str = "") -> list[ChangeEntry]:
    found: list[ChangeEntry] = browser.get(INBOX, {"show": show}).context["shown"].entries
    return found


def apply(change: Change, by: User) -> Change:
    """Approve the change and have it applied, as a worker does."""
    approve(change, by)
    dispatch.dispatch_events()
    claimed = claims.claim_change(change.pk)
    assert claimed is not None
    status_changes.mark_applied(claimed, StatusCause.CONFIRMED)
    dispatch.dispatch_events()
    return Change.objects.get(pk=change.pk)


def test_approve_and_apply_make_one_entry_for_the_requester_n1(
    submitted: Change, approver: User, as_person: AsPerson
) -> None:
    apply(submitted, approver)
    assert Notification.objects.filter(recipient=submitted.requester).count() == 2
    assert inbox.count_unread(submitted.requester) == "1"
    browser = as_person(submitted.requester)
    (entry,) = entries(browser)
    assert entry.newest.text == "Applied, approved by approver"
    assert [state.text for state in entry.earlier] == ["Approved by approver, waiting to be sent"]
    page = browser.get(INBOX).content.decode()
    assert page.count("GCP: URL → https://gcp-eu.example</a>") == 1
    assert "1 earlier" in page


def test_opening_the_change_clears_the_count_n2(submitted: Change, approver: User, as_person: AsPerson) -> None:
    apply(submitted, approver)
    other = notices(submitted.requester, 1)
    browser = as_person(submitted.requester)
    browser.get(f"/changes/{submitted.pk}/")
    assert inbox.count_unread(submitted.requester) == "1"
    assert list(Notification.objects.unread()) == other
    assert [entry.unread for entry in entries(browser)] == [True, False]


def test_opening_the_change_beside_the_queue_reads_its_notifications_of_the_reader_alone(
    submitted: Change, approver: User, approver2: User, as_person: AsPerson
) -> None:
    notices(approver, 1, submitted)
    notices(approver2, 1, submitted)
    as_person(approver).get("/queue/")
    assert inbox.count_unread(approver) == "1", "the list alone shows no change"
    as_person(approver).get("/queue/", {"open": submitted.pk})
    assert (inbox.count_unread(approver), inbox.count_unread(approver2)) == ("", "1")


def test_change_that_a_person_may_not_see_marks_nothing(
    submitted: Change, requester2: User, as_person: AsPerson
) -> None:
    notices(requester2, 1, submitted)
    assert as_person(requester2).get(f"/changes/{submitted.pk}/").status_code == 404
    assert Notification.objects.unread().count() == 1


def test_marking_an_entry_as_read_marks_its_earlier_states_and_none_that_came_later(
    submitted: Change, requester: User, as_person: AsPerson
) -> None:
    _first, shown, later = notices(requester, 3, submitted)
    as_person(requester).post(READ, {"notice": shown.pk})
    assert list(Notification.objects.unread()) == [later]


def test_filters_show_the_unread_the_mentions_and_what_needs_the_reader(
    submitted: Change, propose: Callable[..., Proposal], requester: User, approver: User, as_person: AsPerson
) -> None:
    mirrored(44, "AWS")
    asked = submission.submit_change(propose(identifier=44), by=requester)
    review.request_changes(
        asked.pk,
        by=approver,
        revision=1,
        digest=asked.get_current_revision().digest,
        reason="Another host, please",
        recent_auth=PRESENT,
    )
    dispatch.dispatch_events()
    notices(requester, 1, submitted, kind="mentioned", by="Ana")
    notices(requester, 1, submitted, kind="commented", by="Bo", read_at=timezone.now())
    browser = as_person(requester)
    texts = {show: [entry.newest.text for entry in entries(browser, show)] for show in ("", "mentions", "needs_you")}
    assert texts == {
        "": ["Bo commented", "approver requested changes"],
        "mentions": ["Ana mentioned you"],
        "needs_you": ["approver requested changes"],
    }
    browser.get(f"/changes/{asked.pk}/")
    assert [entry.notice.change_id for entry in entries(browser, "unread")] == [submitted.pk]
    submission.withdraw_change(asked.pk, by=requester)
    assert entries(browser, "needs_you") == []


def test_administrator_finds_the_changes_that_need_one(submitted: Change, admin: User, as_person: AsPerson) -> None:
    Change.objects.filter(pk=submitted.pk).update(status=Status.IN_DOUBT)
    move_change(Change.objects.get(pk=submitted.pk), Status.NEEDS_ATTENTION, "change.escalated")
    dispatch.dispatch_events()
    assert [entry.notice.change_id for entry in entries(as_person(admin), "needs_you")] == [submitted.pk]
    assert entries(as_person(submitted.requester), "needs_you") == []


def test_empty_page_says_what_will_appear(requester: User, as_person: AsPerson) -> None:
    page = as_person(requester).get(INBOX).content.decode()
    assert "Nothing new" in page
    assert "You are notified when a change needs you or yours changes state." in page
