"""Logout tokens of the provider (OpenID Connect Back-Channel Logout 1.0, section 2.6)."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from portal.identity.client import LEEWAY_S, ProviderClient, get_client, provider_errors

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_KEYS_AGAIN_AFTER_S = 60
"""Anyone can send a token with an unknown key, and each would cost a call of the provider."""
_LIFETIME_S = 300
"""Age up to which a token is accepted. Its id is remembered for longer than that."""


class LogoutTokenRefused(Exception):
    """The token is not a valid logout token of the provider; no session was ended."""


def read_logout_token(token: str) -> dict[str, Any]:
    """Return the claims of a token, once. Raises LogoutTokenRefused, or ProviderUnavailable for its keys."""
    client = get_client()
    try:
        claims = _decode(client, token)
        _validate(claims)
    except (JoseError, ValueError, TypeError):
        raise LogoutTokenRefused from None
    name = hashlib.sha256(f"{claims['iss']} {claims['jti']}".encode()).hexdigest()
    if not cache.add(f"logout-token-{name}", 1, 2 * (_LIFETIME_S + LEEWAY_S)):
        raise LogoutTokenRefused
    return claims


def _decode(client: ProviderClient, token: str) -> dict[str, Any]:
    with provider_errors():
        algorithms = client.load_server_metadata()["id_token_signing_alg_values_supported"]
        keys = client.fetch_jwk_set()
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        return dict(jwt.decode(token, key=KeySet.import_key_set(keys), registry=registry).claims)
    except InvalidKeyIdError:
        if not cache.add("logout-token-keys", 1, _KEYS_AGAIN_AFTER_S):
            raise LogoutTokenRefused from None
        with provider_errors():
            keys = client.fetch_jwk_set(force=True)
        return dict(jwt.decode(token, key=KeySet.import_key_set(keys), registry=registry).claims)


def _validate(claims: dict[str, Any]) -> None:
    """Raise JoseError or LogoutTokenRefused unless the claims are those of a new logout token for this client."""
    JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": settings.OIDC_ISSUER},
        aud={"essential": True, "value": settings.OIDC_CLIENT_ID},
        iat={"essential": True},
        jti={"essential": True},
        events={"essential": True},
    ).validate(claims)
    is_logout = isinstance(claims["events"], dict) and _EVENT in claims["events"]
    names = [claims[name] for name in ("sub", "sid") if name in claims]
    is_named = bool(names) and all(isinstance(name, str) and name and "\0" not in name for name in names)
    is_new = claims["iat"] > time.time() - _LIFETIME_S - LEEWAY_S
    if not (is_logout and is_named and is_new) or "nonce" in claims:
        raise LogoutTokenRefused
