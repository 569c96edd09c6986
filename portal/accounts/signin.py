"""Local accounts by django-allauth: nobody signs up alone, demo accounts stay in the demo."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from portal.accounts.models import User
from portal.accounts.origin import client_address


class PortalAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """What allauth asks the portal."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """One answer for the rate limits and for the audit log."""
        return client_address(request)

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Name and address: somebody else's wrong guesses must not lock a person out."""
        name = super()._get_login_attempts_cache_key(request, username=_one_spelling(credentials))
        return f"{name} {ratelimit.get_ip(request)}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """A lock-out is a refused sign-in like any other: whoever listens to those shall hear of it."""
        try:
            super().pre_authenticate(request, **credentials)
            self._spare_the_name(request, credentials)
        except ValidationError:
            _tell_refused(request, credentials, "too many attempts")
            raise

    def _spare_the_name(self, request: HttpRequest, credentials: dict[str, Any]) -> None:
        """Guesses at one name from many addresses have a limit too. A right password gives its use back, as above."""
        name = _one_spelling(credentials)
        usage = ratelimit.consume(request, app="allauth.account", action="login_failed_name", key=name)
        if not usage:
            raise self.validation_error("too_many_login_attempts")
        self._login_failed_rl_usage.usage += usage.usage

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        user: User | None = super().authenticate(request, **credentials)
        if user is not None and user.is_demo and not settings.PORTAL_DEMO:
            _tell_refused(request, credentials, "demo account outside the demo")
            return None
        return user


def _one_spelling(credentials: dict[str, Any]) -> str:
    """The name as the database finds it, by its capitals: a long s is an S there, a dotless i an I."""
    return str(credentials.get("username", "")).upper().lower()


def _tell_refused(request: HttpRequest, credentials: dict[str, Any], reason: str) -> None:
    name = {"username": credentials.get("username", "")}
    user_login_failed.send(sender=PortalAccountAdapter, credentials=name, request=request, reason=reason)
