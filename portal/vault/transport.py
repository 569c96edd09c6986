"""HTTP transport: the only module that uses requests and oauthlib. It returns answers and failures as values.

Every exchange has a connection of its own: on a kept-alive connection that the gateway has just closed, an update that
was never read would get an unknown outcome.
"""

from __future__ import annotations

import http.client
import io
import logging
import math
import os
import ssl
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import certifi
import urllib3
from oauthlib.oauth2 import BackendApplicationClient
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session
from urllib3.exceptions import HTTPError, NameResolutionError

from portal.vault.config import ConfigError, SeguraConfig
from portal.vault.deadline import Deadline, PacedHTTPConnection, PacedHTTPSConnection
from portal.vault.entities import SecretStr
from portal.vault.responses import TOO_LONG, NoResponse, SeguraResponse, json_document

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "countersign",
}

for _name in ("requests_oauthlib", "oauthlib", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # at DEBUG these libraries log secrets and tokens


class _Session(OAuth2Session):
    """OAuth session without redirects and without the environment's settings (netrc, proxies, CA bundles)."""

    def __init__(self, client_id: str, adapter: _Adapter, token: Mapping[str, str] | None = None) -> None:
        super().__init__(client=BackendApplicationClient(client_id), token=token)
        self.trust_env = False
        self.headers.clear()
        self.headers.update(HEADERS)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: Any) -> None:  # noqa: ARG002 - requests' signature
        """Follow no redirect, because a 307 would send the body to another address."""
        return


class _Adapter(HTTPAdapter):
    """Adapter for one exchange that stores the answer, its body limited in size and time."""

    def __init__(self, config: SeguraConfig, trust: ssl.SSLContext, pace: Deadline) -> None:
        super().__init__(max_retries=0)
        self._config, self._trust, self._pace = config, trust, pace
        self.answer: SeguraResponse | None = None

    def get_connection_with_tls_context(self, request: PreparedRequest, *_args: Any, **_kwargs: Any) -> Any:
        """Return a connection pool for one host that always verifies TLS, whatever the caller asked for."""
        parts = urlsplit(str(request.url))
        pool: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            pool = urllib3.HTTPSConnectionPool(
                str(parts.hostname), parts.port, ssl_context=self._trust, cert_reqs=ssl.CERT_REQUIRED
            )
            pool.ConnectionCls = cast(Any, partial(PacedHTTPSConnection, pace=self._pace))
        else:
            pool = urllib3.HTTPConnectionPool(str(parts.hostname), parts.port)
            pool.ConnectionCls = cast(Any, partial(PacedHTTPConnection, pace=self._pace))
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Do nothing: the pool above verifies with the portal's own trust store."""

    def send(self, request: PreparedRequest, *_args: Any, **_kwargs: Any) -> Response:
        """Send the request, read the answer up to its end, size limit or deadline, and close the connection."""
        patience = (min(self._config.connect_timeout_s, self._pace.left()), self._pace.patience())
        response = super().send(request, stream=True, timeout=patience)
        body, flaw = self._read(response.raw)
        if self._pace.unread_headers is not None:
            body, flaw = b"", _header_flaw(self._pace.unread_headers, self._pace)
        response.raw.close()
        response.raw = io.BytesIO(body)
        text, damaged = _decode(body)
        retry_after = response.headers.get("Retry-After", "")
        self.answer = SeguraResponse(response.status_code, SecretStr(text), retry_after, flaw, damaged)
        return response

    def _read(self, raw: Any) -> tuple[bytes, str]:
        body = bytearray()
        try:
            while chunk := raw.read(64 * 1024, decode_content=True):
                body += chunk
                if len(body) > self._config.max_body:
                    return b"", f"{TOO_LONG} {self._config.max_body} bytes"
        except (HTTPError, OSError, ValueError) as error:
            return b"", _reason(error, self._pace) + " while reading the answer"
        return bytes(body), ""


class Transport:
    """HTTP transport for one SeguraConfig. Safe to share between threads and across forks."""

    def __init__(self, config: SeguraConfig) -> None:
        self._config = config
        self._trust = _trust(config.ca_bundle)
        if not (config.url.startswith("https:") and config.token_url.startswith("https:")):
            # oauthlib refuses plain http by default; SeguraConfig allows it for loopback addresses only
            os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

    def call(
        self,
        method: str,
        url: str,
        token: SecretStr,
        *,
        content: SecretStr | None = None,
        request_id: str = "",
        ends_at: float = math.inf,
    ) -> SeguraResponse | NoResponse:
        """Make one call with a bearer token, over by `ends_at` of the monotonic clock at the latest.

        Never raises; the returned value says what went wrong.
        """
        headers = {"X-Request-ID": request_id} if request_id else {}
        if content is not None:
            headers["Content-Type"] = "application/json"
        pace = self._pace(ends_at)
        adapter = _Adapter(self._config, self._trust, pace)
        trouble: NoResponse | None = None
        try:
            bearer = {"access_token": token.reveal(), "token_type": "Bearer"}
            with _Session(self._config.client_id, adapter, bearer) as session:
                data = content.reveal().encode() if content is not None else None
                session.request(method, url, data=data, headers=headers)
        except Exception as error:  # noqa: BLE001 - the frames of any library exception may contain plaintext
            trouble = _no_answer(error, pace)
        return adapter.answer or trouble or NoResponse("no answer", sent=pace.sent)

    def fetch_token(
        self, secret: SecretStr, *, ends_at: float = math.inf
    ) -> tuple[SeguraResponse | NoResponse, SecretStr | None, object]:
        """Fetch a token with this client secret; return the answer, the token or None, and `expires_in` as received."""
        config = self._config
        pace = self._pace(ends_at)
        adapter = _Adapter(config, self._trust, pace)
        trouble: NoResponse | None = None
        try:
            with _Session(config.client_id, adapter) as session:
                session.fetch_token(config.token_url, **self._credentials(secret.reveal()))
        except Exception as error:  # noqa: BLE001 - oauthlib raises on unexpected bodies; the answer itself is stored
            trouble = _no_answer(error, pace)
        came = adapter.answer or trouble or NoResponse("no answer", sent=pace.sent)
        if not isinstance(came, SeguraResponse) or came.status != 200:
            return came, None, None
        grant = json_document(came) or {}  # not oauthlib's result: it refuses a good token for an odd `expires_in`
        value = grant.get("access_token")
        if not isinstance(value, str) or not value:
            return came, None, None
        if not value.isascii() or not value.isprintable():
            return came, None, None
        return came, SecretStr(value), grant.get("expires_in")

    def _pace(self, ends_at: float) -> Deadline:
        return Deadline(min(self._config.deadline_s, ends_at - time.monotonic()), self._config.read_timeout_s)

    def _credentials(self, secret: str) -> dict[str, Any]:
        config = self._config
        extra = {"tenant": config.tenant} if config.tenant else {}
        if config.client_auth == "basic":
            auth = HTTPBasicAuth(config.client_id.encode(), secret.encode())
            return {"auth": auth, "include_client_id": False, **extra}
        return {"client_secret": secret, "include_client_id": True, **extra}


def _decode(body: bytes) -> tuple[str, bool]:
    """Return the text of a body, and whether characters were lost because it is not valid UTF-8."""
    try:
        return body.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        return body.decode("utf-8-sig", "replace"), True


def _header_flaw(error: Exception, pace: Deadline) -> str:
    too_much = isinstance(error, http.client.HTTPException) and not isinstance(error, http.client.BadStatusLine)
    reason = "the headers are too many or too long" if too_much else _reason(error, pace)
    return reason + " while reading the answer"


def _trust(ca_bundle: str) -> ssl.SSLContext:
    path = ca_bundle or certifi.where()
    try:
        state = Path(path).stat()
        return _read_trust(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise ConfigError(f"SEGURA_CA_BUNDLE: {ca_bundle} holds no usable certificates") from None


@lru_cache(maxsize=4)
def _read_trust(path: str, _changed_ns: int, _size: int) -> ssl.SSLContext:
    """Return a TLS context, cached until the file changes.

    Reading the file takes 30 ms, and every page that reads a secret creates a client.
    """
    return ssl.create_default_context(cafile=path)


def _no_answer(error: BaseException, pace: Deadline) -> NoResponse:
    bad_certificate = any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error))
    return NoResponse(_reason(error, pace), sent=pace.sent, alarm=bad_certificate)


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (NameResolutionError, "the name of the server cannot be resolved"),
    (ssl.SSLCertVerificationError, "the server's certificate cannot be verified"),
    (ssl.SSLError, "the TLS connection failed"),
    (ConnectionRefusedError, "the connection was refused"),
    (http.client.RemoteDisconnected, "the connection was closed without an answer"),
    (ConnectionResetError, "the connection was reset"),
    (BrokenPipeError, "the connection was closed while sending"),
    (TimeoutError, "no answer in time"),
)
_PROTOCOL = "the connection ended without a whole answer"


def _reason(error: BaseException, pace: Deadline) -> str:
    """Return the reason in the portal's own words, because an exception's text may quote a URL, header or body."""
    if pace.over:
        return "the total deadline passed"
    chain = tuple(_chain(error))
    for kind, words in _REASONS:
        if any(isinstance(each, kind) for each in chain):
            return words if pace.sent or kind is not TimeoutError else "no connection in time"
    broken = (HTTPError, http.client.HTTPException)
    return _PROTOCOL if any(isinstance(each, broken) for each in chain) else type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        reason = getattr(error, "reason", None)
        if isinstance(reason, BaseException):
            yield from _chain(reason)
        error = error.__cause__ or error.__context__
