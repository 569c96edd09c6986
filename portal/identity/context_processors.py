"""Context processor of every page: the OpenID provider."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def sign_in_methods(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001
    """Return `provider_name`, the name of the OpenID provider; '' if none is configured."""
    return {"provider_name": settings.OIDC_PROVIDER_NAME if settings.OIDC_ISSUER else ""}
