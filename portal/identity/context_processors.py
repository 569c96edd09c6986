"""Context processor of every page: the OpenID provider."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal.accounts.reauthentication import uses_provider


def sign_in_methods(request: HttpRequest) -> dict[str, Any]:
    """Return `provider_name`, '' if none is configured, `password_sign_in`, `emergency_sign_in`, `provider_confirms`.

    With the last, the user confirms an act at the provider instead of with a password.
    """
    if not settings.OIDC_ISSUER:
        return {"provider_name": "", "password_sign_in": True, "emergency_sign_in": False, "provider_confirms": False}
    return {
        "provider_name": settings.OIDC_PROVIDER_NAME,
        "password_sign_in": settings.PASSWORD_SIGN_IN,
        "emergency_sign_in": bool(settings.EMERGENCY_ACCOUNT),
        "provider_confirms": uses_provider(request),
    }
