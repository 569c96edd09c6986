"""What is no evidence goes by itself when it is past its retention; what is not, stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings as portal_settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.models.draft import Draft
from portal.notifications.models import Notification
from portal.operations import tasks

pytestmark = pytest.mark.django_db


def test_the_clock_removes_what_is_old_and_nothing_else(requester: User) -> None:
    now, events = timezone.now(), Event.objects.count()
    for number, age in enumerate((1, 400)):
        at = now - timedelta(days=age)
        Session.objects.create(session_key=f"key{number}", session_data="", expire_date=now + timedelta(days=2 - age))
        Notification.objects.create(recipient=requester, kind="waiting", event=number, at=at, shown=True)
        Draft.objects.create(person=requester, secret=number, secret_name="s", patch={}, updated_at=at)
    tasks.run_retention()
    assert [Session.objects.get().session_key, Notification.objects.get().event, Draft.objects.get().secret] == [
        "key0",
        0,
        0,
    ]
    assert Event.objects.count() == events
    assert "operations.retire" in {one["task"] for one in portal_settings.CELERY_BEAT_SCHEDULE.values()}
