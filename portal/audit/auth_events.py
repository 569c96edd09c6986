"""Receivers that record sign-ins, sign-outs, reauthentications, second factors and password changes.

If the log cannot be written, no user can sign in (reliability B12).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import authentication_step_completed, password_changed
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_used
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from portal.accounts.emergency import is_emergency_account
from portal.accounts.models import User
from portal.accounts.reauthentication import method_of
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
    methods = sorted(set(map(method_of, records)))
    record_event("session.started", by=user.username, data={"signed_in_with": methods} if methods else {})
    if is_emergency_account(user):
        record_event("account.emergency_used", by=user.username, data={"person": user.username})


@receiver(authentication_step_completed, dispatch_uid="audit_presence_shown")
def on_reauthenticated(user: User, method: str, *, reauthenticated: bool = False, **facts: Any) -> None:
    """Record a reauthentication within a session; the steps of a sign-in are recorded as session.started."""
    if reauthenticated:
        shown = method_of({"method": method, **facts})
        record_event("session.reauthenticated", by=user.username, data={"signed_in_with": [shown]})


@receiver(authenticator_used, dispatch_uid="audit_factor_used")
def on_factor_used(user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record the use of a second factor, at a sign-in or within a session."""
    record_event("session.factor_used", by=user.username, data=_facts_of(authenticator))


# By the rows and not by allauth's signals, some of which are sent after the commit: no factor without its event.
@receiver(post_save, sender=Authenticator, dispatch_uid="audit_factor_added")
def on_factor_saved(instance: Authenticator, created: bool, **_: Any) -> None:
    """Record a new second factor."""
    if created:
        record_event("account.factor_added", by=_acting_user(), data=_facts_of(instance))


@receiver(post_delete, sender=Authenticator, dispatch_uid="audit_factor_removed")
def on_factor_deleted(instance: Authenticator, **_: Any) -> None:
    """Record the removal of a second factor, whichever code removes it."""
    record_event("account.factor_removed", by=_acting_user(), data=_facts_of(instance))


def _facts_of(factor: Authenticator) -> dict[str, object]:
    """Return whose factor it is, its kind, its number and the name that a passkey has. Never its secret."""
    facts = {"person": factor.user.username, "factor": factor.type, "factor_id": factor.pk}
    name = factor.data.get("name")
    return {**facts, "name": name} if name else facts


def _acting_user() -> str:
    """Return the user of the request in which this happens; '' on the command line."""
    user = getattr(context.request, "user", None)
    return user.get_username() if user is not None and user.is_authenticated else ""


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
