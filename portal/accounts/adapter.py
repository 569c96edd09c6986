"""Adapter of django-allauth: no sign-up, and demo accounts work only in the demo."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts import attempts, emergency
from portal.accounts.factors.inventory import list_factor_types
from portal.accounts.limits import LimitReached
from portal.accounts.models import CountedAct, User
from portal.accounts.request_origin import get_client_address

_COMPARING = threading.BoundedSemaphore(2)
"""Password comparisons of this process at a time: each takes 0.2 s of a core, and pages need the threads."""
_PATIENCE_S = 1.0


class PortalAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Adapter for allauth. Limits are the portal's own (attempts.py), since allauth stores its limits in a cache."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": gettext_lazy("Wrong username or password."),
    }
    confirming: User | None = None
    _attempt: CountedAct | None = None

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that rate limits and audit log both use."""
        return get_client_address(request)

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt before its password is compared. Raises ValidationError, logged as a failed sign-in."""
        if not emergency.accepts_password(str(credentials.get("username", ""))):
            _report_refused(request, credentials, "passwords switched off")
            text = _("Sign-in with a password is switched off. Continue with %(provider)s.")
            raise ValidationError(text % {"provider": settings.OIDC_PROVIDER_NAME}, code="password_sign_in_off")
        try:
            if self.confirming is not None:
                self._attempt = attempts.reserve_confirmation(self.confirming)
            else:
                name = str(credentials.get("username", ""))
                self._attempt = attempts.reserve_sign_in(name, get_client_address(request))
        except LimitReached as refusal:
            _report_refused(request, credentials, "too many attempts")
            raise self._lockout_error(refusal) from None

    def _lockout_error(self, reached: LimitReached) -> ValidationError:
        """Return the error with the time of the next attempt, in the time zone of the page."""
        until = timezone.localtime(timezone.now() + timedelta(minutes=reached.minutes))
        text = _("Too many failed attempts. Try again at %(time)s; until then even the correct password is refused.")
        return ValidationError(text % {"time": f"{until:%H:%M %Z}"}, code="too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        if not _COMPARING.acquire(timeout=_PATIENCE_S):
            raise ValidationError(_("Many people are signing in right now. Try again in a few seconds."), code="busy")
        try:
            user: User | None = super().authenticate(request, **credentials)
        finally:
            _COMPARING.release()
        if user is not None and self._attempt is not None:
            self._attempt.delete()
        if user is None and self.confirming is None:
            self._require_next_attempt(request, str(credentials.get("username", "")))
        if user is not None and user.is_demo and not settings.PORTAL_DEMO:
            _report_refused(request, credentials, "demo account outside the demo")
            return None
        if user is not None and self.confirming is None:
            attempts.remember_address(user, get_client_address(request))
        return user

    def _require_next_attempt(self, request: HttpRequest, name: str) -> None:
        """Raise ValidationError with the time of the next attempt if the failed one was the last that is allowed."""
        try:
            attempts.require_attempt(name, get_client_address(request))
        except LimitReached as reached:
            raise self._lockout_error(reached) from None

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return the page that confirms a user in every way; that of the password too, for a user without a factor."""
        ways = ["confirm_identity"] if list_factor_types(user) else ["confirm_identity", "account_reauthenticate"]
        return [{"id": way, "description": _("Confirm it is you"), "url": reverse(way)} for way in ways]

    def reauthenticate(self, user: User, password: str) -> bool:
        """Compare the password of a signed-in user, counted apart so that it uses up none of their sign-in attempts."""
        self.confirming = user
        try:
            return bool(super().reauthenticate(user, password))
        finally:
            self.confirming = None


def _report_refused(request: HttpRequest, credentials: dict[str, Any], reason: str) -> None:
    """Send the signal of a failed sign-in, so that the audit log records this one like any other."""
    name = {"username": credentials.get("username", "")}
    user_login_failed.send(sender=PortalAccountAdapter, credentials=name, request=request, reason=reason)
