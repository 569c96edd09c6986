"""Changes that wait for a decision: the queue counts them, and they are mailed, but they are no notifications."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.workflow import submission
from portal.notifications import dispatch, inbox
from portal.notifications.models import Notification
from tests.people import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]


def test_new_proposals_make_no_notification_for_approvers_and_the_queue_counts_them_q8(
    settings: Settings,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    as_person: Callable[..., Client],
) -> None:
    settings.EMAIL_HOST = "mail.invalid"
    User.objects.filter(pk=approver.pk).update(email="approver@example.com")
    for identifier in range(100, 121):
        mirrored(identifier, f"Secret {identifier}")
        submission.submit_change(propose(identifier=identifier), by=requester)
    dispatch.dispatch_events()
    assert inbox.count_queue_and_unread(approver) == ("21", "")
    assert Notification.objects.filter(recipient=approver, mail_at__isnull=False).count() == 21
    page = as_person(approver).get("/queue/").content.decode()
    assert "(21)" in page.split("</title>")[0]
    assert "Nothing new" in as_person(approver).get("/notifications/").content.decode()
