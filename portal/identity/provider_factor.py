"""Second factor at the OpenID provider, as the ID token states it."""

from __future__ import annotations

from typing import Any

from django.conf import settings


def shows_second_factor(claims: dict[str, Any]) -> bool:
    """Return whether the token names an accepted `acr`, or an accepted method in `amr`. A missing claim: no."""
    acr, amr = claims.get("acr"), claims.get("amr")
    methods = {method for method in amr if isinstance(method, str)} if isinstance(amr, list) else set()
    accepted = isinstance(acr, str) and acr in settings.OIDC_ACCEPTED_ACR
    return accepted or not methods.isdisjoint(settings.OIDC_ACCEPTED_AMR)
