"""Who a session belongs to, asked anew with each request."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings

from portal.accounts.models import User


class PortalBackend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's, except that a demo account's session ends where the demo ends: its password was printed."""

    def get_user(self, user_id: int) -> User | None:
        user: User | None = super().get_user(user_id)
        if user is not None and user.is_demo and not settings.PORTAL_DEMO:
            return None
        return user
