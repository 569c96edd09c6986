"""Local accounts by django-allauth: nobody signs up alone, demo accounts stay in the demo."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
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

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        user: User | None = super().authenticate(request, **credentials)
        if user is not None and user.is_demo and not settings.PORTAL_DEMO:
            return None
        return user
