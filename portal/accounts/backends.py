"""Authentication backend: finds the account of a user name and of a session."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.conf import settings
from django.http import HttpRequest

from portal.accounts import emergency
from portal.accounts.models import User


class PortalBackend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's backend with the portal's rule for names, without demo accounts outside the demo.

    If sign-in with passwords is off, no password authenticates but that of the emergency account, if there is one, and
    sessions of other users with a password end.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        """Find the account by the folded name, as everywhere in the portal: allauth compares the stored spelling."""
        if not emergency.accepts_password(credentials.get("username") or ""):
            return None
        known = User.objects.find_by_name(credentials.get("username") or "")
        if known is not None:
            credentials["username"] = known.username
        user: User | None = super().authenticate(request, **credentials)
        return user

    def get_user(self, user_id: int) -> User | None:
        """Return the account of a session; None for a demo account outside the demo, whose password was printed."""
        user: User | None = super().get_user(user_id)
        if user is not None and user.is_demo and not settings.PORTAL_DEMO:
            return None
        if user is not None and user.has_usable_password() and not emergency.accepts_password(user.username):
            return None
        return user
