"""Sessions: a new id after each reauthentication, and an end to all sessions of a disabled account."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import authentication_step_completed
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import User

_PENDING_SIGN_IN = "account_login"
"""Where allauth keeps a sign-in between its steps."""


@receiver(authentication_step_completed, dispatch_uid="fresh_session_id")
def rotate_session_id(request: HttpRequest, reauthenticated: bool = False, **_: Any) -> None:
    """Change the id, so that an id known from before is worthless. Django does so at sign-in and password change."""
    if reauthenticated:
        request.session.cycle_key()


def end_all_sessions(user: User) -> None:
    """Delete all sessions of a user, also those that wait for the second step of a sign-in.

    Enabling the account again, or another password, revives none.
    """
    for session in Session.objects.filter(expire_date__gt=timezone.now()):
        data = session.get_decoded()
        pending = data.get(_PENDING_SIGN_IN) or {}
        if str(user.pk) in (data.get(SESSION_KEY), pending.get("user_pk")):
            session.delete()
