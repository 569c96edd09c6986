"""Signing in and out, showing again who one is, and changing the password, in the log.

Where the log cannot be written, nobody gets in (reliability B12).
"""

from __future__ import annotations

from typing import Any

from allauth.account.signals import authentication_step_completed, password_changed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from portal.accounts.models import User
from portal.audit.ledger import record_event

UNKNOWN_NAME = "unknown name"
"""Said instead of a name that belongs to nobody: people type their password into the wrong field."""


@receiver(user_logged_in, dispatch_uid="audit_session_started")
def on_user_logged_in(user: User, **_: Any) -> None:
    """Raises DatabaseError before the session is saved, which ends the sign-in."""
    record_event("session.started", by=user.username)


@receiver(authentication_step_completed, dispatch_uid="audit_presence_shown")
def on_reauthenticated(user: User, method: str, *, reauthenticated: bool = False, **_: Any) -> None:
    """Within a session; the steps of signing in lead to its start."""
    if reauthenticated:
        record_event("session.confirmed", by=user.username, data={"signed_in_with": [method]})


@receiver(user_login_failed, dispatch_uid="audit_session_refused")
def on_login_failed(credentials: dict[str, Any], reason: str = "wrong name or password", **_: Any) -> None:
    """`reason` comes from senders of our own; Django's knows one reason only."""
    person = User.objects.find_by_name(str(credentials.get("username", ""))[:150])
    name = person.username if person else ""
    record_event("session.refused", by=name, data={"name": name or UNKNOWN_NAME, "reason": reason})


@receiver(user_logged_out, dispatch_uid="audit_session_ended")
def on_user_logged_out(user: User | None, **_: Any) -> None:
    """Nobody signs out twice: a sign-out without a session is no event."""
    if user is not None:
        record_event("session.ended", by=user.username)


@receiver(password_changed, dispatch_uid="audit_password_changed")
def on_password_changed(user: User, **_: Any) -> None:
    """By the person themselves; manage.py user records what it sets."""
    record_event("account.password_changed", by=user.username, data={"person": user.username})
