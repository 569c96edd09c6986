"""Simulated token endpoint and its access tokens (contract 3)."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import threading
import time
from collections.abc import Mapping
from urllib.parse import parse_qs

from portal.sandbox.options import Options
from portal.sandbox.replies import Reply, as_json, oauth_error_reply


class TokenIssuer:
    """Issuer of access tokens for a few clients. Tokens are lost when the process ends."""

    def __init__(self, clients: Mapping[str, str]) -> None:
        """Set the client secrets by client id; the first client is the access key."""
        self._clients = dict(clients)
        self._lock = threading.Lock()
        self._ends: dict[str, tuple[float, str]] = {}
        self.issued = 0

    def ask(self, method: str, headers: Mapping[str, str], query: str, body: bytes, knobs: Options) -> Reply:
        """Return the answer to a token request."""
        source = body.decode("utf-8", "replace")
        if method == "GET" and knobs.oauth_allow_get:
            source = source or query
        form = {key: values[0] for key, values in parse_qs(source, keep_blank_values=True).items()}
        if form.get("grant_type") != "client_credentials":
            return oauth_error_reply(
                400, "unsupported_grant_type",
                "The authorization grant type is not supported by the authorization server.",
                "Check that all required parameters have been provided",
            )  # fmt: skip
        basic = _basic(headers.get("authorization", ""))
        client_id, client_secret = self._given(form, basic, knobs)
        if not client_id:
            return _missing("client_id")
        if knobs.tenant_mode == "param" and form.get("tenant") != knobs.tenant:
            return _missing("tenant")
        known = client_id in self._clients
        if not (_same(client_secret, self._clients.get(client_id, "")) and known):
            return _denied(knobs, challenged=basic is not None)
        return self._grant(client_id, knobs)

    def expect(self, client_secret: str, *, client_id: str = "") -> None:
        """Accept only this client secret from now on; issued tokens stay valid."""
        self._clients[client_id or next(iter(self._clients))] = client_secret

    def holder(self, authorization: str) -> str:
        """Return the client id that the token in an Authorization header belongs to; "" if the token is not valid."""
        scheme, _, token = authorization.partition(" ")
        ends, client_id = self._ends.get(token.strip(), (0, ""))
        return client_id if scheme.lower() == "bearer" and ends > time.time() else ""

    def accepts(self, authorization: str, *, scim: bool, any_client: bool = False) -> bool:
        """Return whether the header contains a valid token of a client that may use the API (or SCIM)."""
        client_id = self.holder(authorization)
        is_first = client_id == next(iter(self._clients))
        return bool(client_id) and (is_first != scim or (scim and any_client))

    def revoke_all(self) -> None:
        """Invalidate every token issued so far."""
        with self._lock:
            self._ends.clear()

    @staticmethod
    def _given(form: Mapping[str, str], basic: tuple[str, str] | None, knobs: Options) -> tuple[str, str]:
        """Return the credentials that the option `client_auth` accepts; the body takes precedence over Basic."""
        if knobs.client_auth != "basic" and form.get("client_id"):
            return form["client_id"], form.get("client_secret", "")
        if knobs.client_auth != "body" and basic is not None:
            return basic
        return "", ""

    def _grant(self, client_id: str, knobs: Options) -> Reply:
        life = knobs.token_ttl or 3600
        now = time.time()
        style = knobs.token_style
        token = _jwt(client_id, now, life) if style == "jwt" else secrets.token_hex(40)
        with self._lock:
            self._ends = {each: (ends, holder) for each, (ends, holder) in self._ends.items() if ends > now}
            self._ends[token] = (now + life, client_id)
            self.issued += 1
        document: dict[str, object] = {"token_type": "Bearer", "expires_in": knobs.token_ttl, "access_token": token}
        if not knobs.token_ttl:
            del document["expires_in"]
        return as_json(200, document, {"Cache-Control": "no-store", "Pragma": "no-cache"})


def _missing(parameter: str) -> Reply:
    return oauth_error_reply(
        400, "invalid_request",
        "The request is missing a required parameter, includes an invalid parameter value, includes a parameter "
        "more than once, or is otherwise malformed.",
        f"Check the `{parameter}` parameter",
    )  # fmt: skip


def _denied(knobs: Options, *, challenged: bool) -> Reply:
    text = "Client authentication failed"
    if knobs.oauth_error_style == "envelope":
        return as_json(200, {"response": {"status": 401, "message": text, "error": True, "error_code": 1}})
    if knobs.oauth_error_style == "null_token":
        return as_json(200, {"token_type": "Bearer", "expires_in": 0, "access_token": None})
    headers = {"WWW-Authenticate": 'Basic realm="OAuth"'} if challenged else None
    return oauth_error_reply(401, "invalid_client", text, headers=headers)


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


def _same(given: str, kept: str) -> bool:
    return hmac.compare_digest(given.encode(), kept.encode())


def _jwt(audience: str, now: float, life: float) -> str:
    """Return a token like the vendor's sample: RS256 and its claims, with a random signature that is never checked."""
    claims = {
        "aud": audience, "jti": secrets.token_hex(40), "iat": now, "nbf": now, "exp": now + life,
        "sub": "", "scopes": [],
    }  # fmt: skip
    parts = (json.dumps({"typ": "JWT", "alg": "RS256"}).encode(), json.dumps(claims).encode(), secrets.token_bytes(256))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
