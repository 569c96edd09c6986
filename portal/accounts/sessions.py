"""The session's id: a new one whenever somebody proves who they are, so that one known from before opens nothing."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import authentication_step_completed
from django.dispatch import receiver
from django.http import HttpRequest


@receiver(authentication_step_completed, dispatch_uid="fresh_session_id")
def renew(request: HttpRequest, reauthenticated: bool = False, **_: Any) -> None:
    """At a re-authentication; at a sign-in and a change of password Django does it."""
    if reauthenticated:
        request.session.cycle_key()
