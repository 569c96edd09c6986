"""A session ends twelve hours after the sign-in; using it, or writing to it, does not prolong it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from tests.segura import events

pytestmark = pytest.mark.django_db


def signed_in(user: User, *, hours_ago: float) -> Client:
    """A browser that signed in so long ago, and has written to its session just now."""
    client = Client()
    client.force_login(user)
    session = client.session
    session["device"] = {**session["device"], "at": (timezone.now() - timedelta(hours=hours_ago)).isoformat()}
    session.save()
    return client


def test_session_ends_twelve_hours_after_the_sign_in_however_often_it_is_used(approver: User) -> None:
    assert signed_in(approver, hours_ago=11.9).get("/queue/").status_code == 200
    late = signed_in(approver, hours_ago=12.1)
    assert late.get("/queue/").headers["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in late.session
    assert [event["actor"] for event in events("session.ended")] == ["approver"]


def test_form_that_was_open_when_the_session_ended_is_not_carried_out(approver: User) -> None:
    late = signed_in(approver, hours_ago=13)
    assert late.post("/theme/", {"theme": "dark"}).status_code == 302
    assert "_auth_user_id" not in late.session
