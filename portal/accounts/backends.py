"""Which account a name and a session belong to."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.http import HttpRequest

from portal.accounts.models import User


class PortalBackend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's, with the portal's own rule for names, and no session of a demo account outside the demo."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        """Look the name up as every other part of the portal does: allauth compares it in the spelling of the row."""
        known = User.objects.find_by_name(credentials.get("username") or "")
        if known is not None:
            credentials["username"] = known.username
        user: User | None = super().authenticate(request, **credentials)
        return user

    def get_user(self, user_id: int) -> User | None:
        """Return the account of a session; the password of a demo account was printed, so its session ends there."""
        user: User | None = super().get_user(user_id)
        if user is not None and user.is_demo and not settings.PORTAL_DEMO:
            return None
        return user
