"""Client of the OpenID provider: the code flow of Authlib with PKCE, state and nonce, and its ID token checked."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from authlib.integrations.base_client.errors import MismatchingStateError
from authlib.integrations.django_client import DjangoOAuth2App, OAuth, OAuthError
from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError

from portal.identity.refusals import SignInRefused

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384")
"""Accepted signatures of ID tokens. Never none or HMAC, whose key would be the client secret."""
LEEWAY_S = 60
"""Accepted difference of the clocks of provider and portal, in seconds."""
METADATA_LIFETIME_S = 600
TIMEOUT_S = 5
_log = logging.getLogger(__name__)
_REFUSED_CLAIMS = {"iss": "wrong_issuer", "aud": "wrong_audience", "azp": "wrong_audience", "nonce": "wrong_nonce"}
_TIMES = ("exp", "nbf", "iat")


class ProviderUnavailable(Exception):
    """The provider did not answer, or not as OpenID Connect requires; `str()` says how, for operators."""


@dataclass(frozen=True)
class SignInFlow:
    """Data of a sign-in that the session keeps from the redirect to the callback, bound to its state.

    `confirms`: the signed-in user authenticates again.
    """

    next_page: str = ""
    carried: str = ""
    confirms: bool = False
    started_at: float = 0.0


@dataclass(frozen=True)
class ProviderAnswer:
    """A completed flow: the claims of the ID token, the token itself, and the URL for a sign-out at the provider."""

    flow: SignInFlow
    claims: dict[str, Any]
    id_token: str
    end_session_url: str


class ProviderClient(DjangoOAuth2App):  # type: ignore[misc]
    """Authlib's client, with discovery that is read again after METADATA_LIFETIME_S and checked."""

    server_metadata: dict[str, Any]
    _expires_at = 0.0
    _loading = threading.Lock()

    def load_server_metadata(self) -> dict[str, Any]:
        """Return the discovery document. Raises ProviderUnavailable if it names another issuer than the settings.

        The signing keys are stored in the same mapping by Authlib, so they expire with it.
        """
        with self._loading:  # no thread may see a document that is not checked yet
            if time.monotonic() >= self._expires_at:
                self.server_metadata = {}
                self._check_metadata(super().load_server_metadata())
                self._expires_at = time.monotonic() + METADATA_LIFETIME_S
            return self.server_metadata

    def _check_metadata(self, metadata: Any) -> None:
        """Leave only accepted algorithms in the document. Raises ProviderUnavailable if it cannot be used."""
        if not isinstance(metadata, dict) or metadata.get("issuer") != settings.OIDC_ISSUER:
            _log.error("The discovery document of the OpenID provider names another issuer than OIDC_ISSUER.")
            raise ProviderUnavailable("the document names another issuer than OIDC_ISSUER")
        offered = metadata.get("id_token_signing_alg_values_supported", ["RS256"])
        accepted = [name for name in ALGORITHMS if name in offered]
        if not accepted:
            _log.error("The OpenID provider offers no accepted signature of ID tokens.")
            raise ProviderUnavailable("the provider offers no accepted signature of ID tokens")
        metadata["id_token_signing_alg_values_supported"] = accepted


def get_client() -> ProviderClient:
    """Return the client for the present settings; one for each process, because it caches keys."""
    return _client_of(
        settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET, " ".join(settings.OIDC_SCOPES)
    )


def start_flow(request: HttpRequest, flow: SignInFlow) -> HttpResponseRedirect:
    """Return the redirect to the provider, and store the flow in the session. Raises ProviderUnavailable.

    No parameter of the request reaches the provider.
    """
    client, callback = get_client(), f"{settings.BASE_URL}{reverse('identity:callback')}"
    asked: dict[str, Any] = {"prompt": "login", "max_age": 0} if flow.confirms else {}
    if settings.OIDC_ACR_VALUES:
        asked["acr_values"] = settings.OIDC_ACR_VALUES
    with provider_errors():
        made = client.create_authorization_url(callback, **asked)
    client.save_authorize_data(request, redirect_uri=callback, flow=asdict(flow), **made)
    return HttpResponseRedirect(made["url"])


def complete_flow(request: HttpRequest) -> ProviderAnswer:
    """Return the answer of the provider to the flow that the request completes.

    Raises SignInRefused, or ProviderUnavailable. The state is used up in either case.
    """
    client, state = get_client(), request.GET.get("state", "")
    stored = client.framework.get_state_data(request.session, state)
    if not stored:
        raise SignInRefused("foreign_state")
    flow = SignInFlow(**stored["flow"])
    try:
        with provider_errors():
            token = client.authorize_access_token(request, claims_options=_claims_options(), leeway=LEEWAY_S)
            end_session_url = client.load_server_metadata().get("end_session_endpoint") or ""
    except MismatchingStateError:
        raise SignInRefused("foreign_state") from None
    except OAuthError as error:
        client.framework.clear_state_data(request.session, state)
        raise SignInRefused(_code_of_oauth_error(request, error)) from None
    except JoseError as error:
        raise SignInRefused(_code_of_token_error(error)) from None
    claims = token.get("userinfo") or {}
    if not _is_subject(claims.get("sub")):
        raise SignInRefused("invalid_token")
    return ProviderAnswer(flow, dict(claims), str(token["id_token"]), str(end_session_url))


def _is_subject(value: object) -> bool:
    """Return whether the value can be a subject: at most 255 ASCII characters (OpenID Connect Core, 2)."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= 255


@lru_cache(maxsize=1)
def _client_of(issuer: str, client_id: str, client_secret: str, scope: str) -> ProviderClient:
    client: ProviderClient = OAuth().register(
        "provider",
        client_cls=ProviderClient,
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": scope, "code_challenge_method": "S256", "timeout": TIMEOUT_S},
    )
    return client


def _claims_options() -> dict[str, dict[str, Any]]:
    """Return what the ID token must say. Authlib itself accepts a foreign audience if `azp` names this client."""
    return {
        "iss": {"essential": True, "value": settings.OIDC_ISSUER},
        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
        "sub": {"essential": True},
    }


@contextmanager
def provider_errors() -> Iterator[None]:
    """Turn errors of the connection and answers that are no OpenID Connect into ProviderUnavailable."""
    try:
        yield
    except (OSError, RuntimeError, TypeError, KeyError, ValueError) as error:
        _log.warning("The OpenID provider failed: %s", type(error).__name__)
        status = getattr(getattr(error, "response", None), "status_code", None)
        answered = f"HTTP {status}" if status else f"no usable answer ({type(error).__name__})"
        raise ProviderUnavailable(answered) from None


def _code_of_oauth_error(request: HttpRequest, error: OAuthError) -> str:
    """Return the code of a refusal by the provider; its own words are not shown, as anyone can put them into a URL."""
    if "error" in request.GET:
        return "denied_by_provider"
    return "client_rejected" if error.error in ("invalid_client", "unauthorized_client") else "code_rejected"


def _code_of_token_error(error: JoseError) -> str:
    claim = getattr(error, "claim", "")
    if isinstance(error, ExpiredTokenError) or (isinstance(error, InvalidClaimError) and claim in _TIMES):
        return "expired_token"
    return _REFUSED_CLAIMS.get(claim, "invalid_token")
