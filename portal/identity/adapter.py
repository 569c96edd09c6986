"""Adapter of django-allauth that signs provider users out at the provider, too."""

from __future__ import annotations

from django.http import HttpRequest

from portal.accounts.adapter import PortalAccountAdapter
from portal.identity.provider_sessions import find_sign_out_url


class ProviderSignOutAdapter(PortalAccountAdapter):
    """Adapter whose sign-out goes on to the provider, for users who signed in there."""

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Return the page after the sign-out. allauth asks before it ends the session."""
        return find_sign_out_url(request) or str(super().get_logout_redirect_url(request))
