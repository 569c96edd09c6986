"""Check of the OpenID provider: its discovery document and keys, without a sign-in. Used by the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from joserfc.jwk import KeySet

from portal.identity.client import ProviderUnavailable, get_client, provider_errors

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_REDIRECTED = ("authorization_endpoint", "end_session_endpoint")


@dataclass(frozen=True)
class ProviderFault:
    """Fault of the provider, and what to do about it. `is_fatal`: no user can sign in with it."""

    found: str
    todo: str
    is_fatal: bool = True


def find_provider_faults() -> list[ProviderFault]:
    """Ask for the discovery document and the keys, each within 5 seconds; return what is wrong, [] if nothing is."""
    client = get_client()
    try:
        with provider_errors():
            metadata = client.load_server_metadata()
    except ProviderUnavailable as error:
        return [ProviderFault(f"discovery: {error}", "Check OIDC_ISSUER, and that this host reaches the provider.")]
    missing = [name for name in _NEEDED if not metadata.get(name)]
    if missing:
        return [
            ProviderFault(f"discovery: {', '.join(missing)} missing", "Use the issuer of an OpenID Connect provider.")
        ]
    return [*_check_endpoints(metadata), *_check_keys(client)]


def _check_endpoints(metadata: dict[str, Any]) -> list[ProviderFault]:
    faults = []
    for name in _REDIRECTED:
        url = str(metadata.get(name) or "")
        if url and urlsplit(url)[:2] != urlsplit(settings.OIDC_ISSUER)[:2]:
            faults.append(
                ProviderFault(
                    f"{name} is not on the origin of OIDC_ISSUER",
                    "The content security policy stops browsers on the way there. Use an issuer on the same origin.",
                    is_fatal=name == "authorization_endpoint",
                )
            )
    if not metadata.get("end_session_endpoint"):
        faults.append(
            ProviderFault(
                "the provider names no end_session_endpoint",
                "A sign-out here leaves the session at the provider open: tell your users.",
                is_fatal=False,
            )
        )
    if "S256" not in metadata.get("code_challenge_methods_supported", ["S256"]):
        faults.append(
            ProviderFault("the provider does not support PKCE with S256", "Switch it on at the provider.", True)
        )
    return faults


def _check_keys(client: Any) -> list[ProviderFault]:
    try:
        with provider_errors():
            keys = KeySet.import_key_set(client.fetch_jwk_set(force=True)).keys
    except ProviderUnavailable as error:
        return [ProviderFault(f"keys: {error}", "Check that this host reaches the jwks_uri of the provider.")]
    usable = [key for key in keys if key.key_type in ("RSA", "EC")]
    return [] if usable else [ProviderFault("keys: no RSA or EC key", "Let the provider sign with RS256 or ES256.")]
