"""Local accounts by django-allauth: nobody signs up alone, demo accounts stay in the demo."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.http import HttpRequest

from portal.accounts.models import User
from portal.accounts.origin import client_address


def _refused(user: User) -> bool:
    """Demo accounts have printed passwords."""
    return user.is_demo and not settings.PORTAL_DEMO


class PortalBackend(AuthenticationBackend):  # type: ignore[misc]
    """Looks at the person again with each request, so that a session of the demo ends with the demo."""

    def get_user(self, user_id: int) -> User | None:
        user: User | None = super().get_user(user_id)
        return None if user is None or _refused(user) else user


class PortalAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """What allauth asks the portal."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """One answer for the rate limits and for the audit log."""
        return client_address(request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        user: User | None = super().authenticate(request, **credentials)
        return None if user is None or _refused(user) else user
