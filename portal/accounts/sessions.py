"""Sessions: a new id whenever somebody proves who they are, and an end for whoever is switched off."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import authentication_step_completed
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import User


@receiver(authentication_step_completed, dispatch_uid="fresh_session_id")
def rotate_session_id(request: HttpRequest, reauthenticated: bool = False, **_: Any) -> None:
    """So that an id known from before opens nothing. At signing in and at a change of password Django does it."""
    if reauthenticated:
        request.session.cycle_key()


def end_all_sessions(user: User) -> None:
    """Sign a person out everywhere and for good: switching them on again revives no session."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()):
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
