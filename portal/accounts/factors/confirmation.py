"""Confirmation of a signed-in user by a second factor, which also is the second step of a sign-in."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts import attempts, reauthentication
from portal.accounts.factors import passkeys
from portal.accounts.factors.inventory import APP, RECOVERY_CODES
from portal.accounts.limits import LimitReached
from portal.accounts.models import CountedAct, User
from portal.accounts.reauthentication import RecentAuth


def confirm_code(request: HttpRequest, code: str, *, accepts_recovery: bool) -> RecentAuth:
    """Authenticate the user again by a code, under a new session id.

    Raises ValidationError for a wrong code or too many attempts: both are logged like failed sign-ins. A recovery code
    that is not accepted is not used up.
    """
    user: Any = request.user
    types = (APP, RECOVERY_CODES) if accepts_recovery else (APP,)
    attempt = reserve_code(request, user)
    with transaction.atomic():  # so that the event is recorded too, or nothing is
        factor = find_by_code(user, code, types)
        if factor is not None:
            attempt.delete()
            post_authentication(request, factor, reauthenticated=True)
    if factor is None:
        raise refuse_code(request, user, code)
    return reauthentication.get_recent_auth(request)


def confirm_passkey(request: HttpRequest, text: str) -> RecentAuth:
    """Authenticate the user again by a passkey, under a new session id. Raises ValidationError, which is logged."""
    user: Any = request.user
    try:
        with passkeys.refused_credentials():
            credential = json.loads(text)
        passkey = passkeys.complete_assertion(user, credential)
    except ValidationError as refusal:
        report_failure(request, user, str(refusal.code))
        raise
    with transaction.atomic():  # so that the event is recorded too, or nothing is
        post_authentication(request, passkey, reauthenticated=True)
    return reauthentication.get_recent_auth(request)


def find_by_code(user: User, code: str, types: tuple[str, ...]) -> Authenticator | None:
    """Return the factor that the code is of, and use it up; None if there is none. Requires a transaction."""
    for factor in Authenticator.objects.filter(user=user, type__in=types):
        if factor.wrap().validate_code(code):
            factor.user = user
            return factor
    return None


def reserve_code(request: HttpRequest, user: User) -> CountedAct:
    """Count an attempt before its code is compared. Raises ValidationError with the time of the next attempt."""
    try:
        return attempts.reserve_code(user)
    except LimitReached as reached:
        report_failure(request, user, "too many attempts")
        until = timezone.localtime(timezone.now() + timedelta(minutes=reached.minutes))
        text = _("Too many wrong codes. Try again at %(time)s; until then even the correct code is refused.")
        raise ValidationError(text % {"time": f"{until:%H:%M %Z}"}, code="too_many_codes") from None


def refuse_code(request: HttpRequest, user: User, code: str) -> ValidationError:
    """Record the wrong code and return the error for it; a recovery code gets a sentence of its own."""
    if _is_recovery_code(user, code):
        report_failure(request, user, "recovery_code")
        return ValidationError(
            _("A recovery code does not confirm this. It was not used up. Enter the code of your authenticator app."),
            code="recovery_code",
        )
    report_failure(request, user, "wrong_code")
    return ValidationError(_("This code is not valid. Enter the newest one."), code="wrong_code")


def report_failure(request: HttpRequest, user: User, reason: str) -> None:
    """Send the signal of a failed sign-in, so that the audit log records this one like any other."""
    user_login_failed.send(
        sender=Authenticator, credentials={"username": user.username}, request=request, reason=reason
    )


def _is_recovery_code(user: User, code: str) -> bool:
    factor = Authenticator.objects.filter(user=user, type=RECOVERY_CODES).first()
    unused = factor.wrap().get_unused_codes() if factor else []
    return any(compare_user_code(actual=code, expected=each) for each in unused)
