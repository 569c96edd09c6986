"""Receivers that record sign-ins, sign-outs, reauthentications and password changes.

If the log cannot be written, no user can sign in (reliability B12).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import authentication_step_completed, password_changed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from portal.accounts.emergency import is_emergency_account
from portal.accounts.models import User
from portal.accounts.signals import device_signed_out
from portal.audit.ledger import record_event

UNKNOWN_NAME = "unknown name"
"""Recorded instead of a name that belongs to no account: users type their password into the wrong field."""


@receiver(user_logged_in, dispatch_uid="audit_session_started")
def on_user_logged_in(user: User, request: HttpRequest | None = None, **_: Any) -> None:
    """Record a sign-in and its methods, and a use of the emergency account, of which administrators are notified.

    Raises DatabaseError before the session is saved, which ends the sign-in.
    """
    records = get_authentication_records(request, user) if request is not None else []
    methods = sorted({str(record["method"]) for record in records})
    record_event("session.started", by=user.username, data={"signed_in_with": methods} if methods else {})
    if is_emergency_account(user):
        record_event("account.emergency_used", by=user.username, data={"person": user.username})


@receiver(authentication_step_completed, dispatch_uid="audit_presence_shown")
def on_reauthenticated(user: User, method: str, *, reauthenticated: bool = False, **_: Any) -> None:
    """Record a reauthentication within a session; the steps of a sign-in are recorded as session.started."""
    if reauthenticated:
        record_event("session.reauthenticated", by=user.username, data={"signed_in_with": [method]})


@receiver(user_login_failed, dispatch_uid="audit_session_refused")
def on_login_failed(credentials: dict[str, Any], reason: str = "wrong name or password", **_: Any) -> None:
    """Record a failed sign-in. Only the portal's own senders pass `reason`; Django's signal knows one reason."""
    person = User.objects.find_by_name(str(credentials.get("username", ""))[:150])
    name = person.username if person else ""
    record_event("session.failed", by=name, data={"name": name or UNKNOWN_NAME, "reason": reason})


@receiver(user_logged_out, dispatch_uid="audit_session_ended")
def on_user_logged_out(user: User | None, **_: Any) -> None:
    """Record a sign-out; a sign-out without a session is not an event."""
    if user is not None:
        record_event("session.ended", by=user.username)


@receiver(device_signed_out, dispatch_uid="audit_session_revoked")
def on_device_signed_out(user: User, signed_in_at: datetime | None, **_: Any) -> None:
    """Record that a user ended the session of another device of theirs."""
    record_event(
        "session.revoked",
        by=user.username,
        data={"signed_in_at": signed_in_at.isoformat(timespec="seconds")} if signed_in_at else {},
    )


@receiver(password_changed, dispatch_uid="audit_password_changed")
def on_password_changed(user: User, **_: Any) -> None:
    """Record a password change by the user; `manage.py user` records the passwords it sets."""
    record_event("account.password_changed", by=user.username, data={"person": user.username})
