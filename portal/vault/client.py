"""Segura client: list, read and update API secrets (contract, sections 3 to 5, 10 and 11).

from portal.vault import Client
client = Client.connect(url="https://segura.example/", client_id="...", client_secret="...")
client.list_secrets()
client.read_secret(43)
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from portal.vault import parsing, scim, token_errors
from portal.vault.config import SeguraConfig
from portal.vault.entities import SECRET_FIELD, SHARE_FIELDS, ApiSecret, ListedSecret, Patch, SecretStr, encode_patch
from portal.vault.exchange import Exchange, ExchangeRequest, describe_exchange
from portal.vault.leftovers import Rows
from portal.vault.outcomes import NotSent, Outcome, classify_update, requested_wait_s
from portal.vault.responses import NoResponse, SeguraResponse, is_unauthorised
from portal.vault.scim import PAGE_SIZE, DirectoryEntry, DirectoryKind, DirectoryPage
from portal.vault.scrubbing import Scrubber, make_scrubber
from portal.vault.token_errors import TokenUnavailable
from portal.vault.tokens import AccessToken, MemoryTokens, TokenStore
from portal.vault.transport import Transport
from portal.vault.waits import MemoryWaits, Waits

ExchangeCallback = Callable[[Exchange], None]
_RESOURCE = "api/mysafe/secretapi"
_DIRECTORY = "iso/scim/v2"


Unreported = Callable[[Outcome, Exchange], None]


def _unheard(_exchange: Exchange) -> None:
    """Ignore an exchange; for use without a log, as in a Python shell."""


def _dropped(*_: object) -> None:
    """Ignore the arguments; for callers that need only the exception."""


class Client:
    """Connection to one Segura server, safe to share between threads.

    `report` is called exactly once for every HTTP exchange, including token calls and calls without an answer, after
    the exchange is over. If `report` raises, its exception leaves the method and nothing further is sent; after an
    update the caller must then treat the outcome as unknown. While a wait that Segura asked for lasts (`waits`),
    nothing is sent: reads raise WaitRequested, and an update returns NotSent.
    """

    def __init__(
        self, config: SeguraConfig, *, tokens: TokenStore, report: ExchangeCallback, waits: Waits | None = None
    ) -> None:
        self.config = config
        self._edge = Transport(config)
        self._tokens = tokens
        self._report = report
        self._waits = waits or MemoryWaits()
        self._wait_key = "segura:wait:" + hashlib.sha256(config.url.encode()).hexdigest()[:32]
        self._met: list[SecretStr] = list(config.secrets)
        identity = "\n".join((config.token_url, config.client_id, config.tenant))
        self._key = "segura:token:" + hashlib.sha256(identity.encode()).hexdigest()[:32]

    @classmethod
    def connect(cls, *, url: str, client_id: str, client_secret: str | SecretStr, **options: Any) -> Client:
        """Return a client with its own token cache and no log; `options` are the other fields of SeguraConfig."""
        secret = client_secret if isinstance(client_secret, SecretStr) else SecretStr(client_secret)
        config = SeguraConfig(url=url, client_id=client_id, client_secret=secret, **options)
        return cls(config, tokens=MemoryTokens(), report=_unheard)

    def __repr__(self) -> str:
        return f"Client({self.config.url})"

    def list_secrets(
        self, *, attempt_id: str = "", correlation_id: str = "", ends_at: float = math.inf
    ) -> Rows[ListedSecret]:
        """Return all API secrets that the portal's access key may list (contract 5.1).

        `ends_at` is the deadline, as in read(). Raises VaultError.
        """
        call = self._call("GET", _RESOURCE, attempt_id, correlation_id)
        return parsing.parse_list_response(self._authorised(call, ends_at=ends_at))

    def read_secret(
        self, identifier: int, *, attempt_id: str = "", correlation_id: str = "", ends_at: float = math.inf
    ) -> ApiSecret:
        """Return one API secret, with its client secret if Segura shows it (contract 5.2); Segura logs a view.

        The call, including fetching a token, ends by `ends_at`, an instant of the monotonic clock. Raises ReadRefused,
        Unreachable, WaitRequested, Unauthorised or InvalidResponse, and ValueError for an impossible identifier.
        """
        call = self._call("GET", _path(identifier), attempt_id, correlation_id)
        return parsing.parse_secret_response(identifier, self._authorised(call, ends_at=ends_at))

    def update_secret(
        self,
        identifier: int,
        patch: Patch,
        *,
        attempt_id: str,
        correlation_id: str = "",
        send_before: float = math.inf,
        unreported: Unreported = _dropped,
    ) -> Outcome:
        """Send one update, once (contract 5.4), and return its outcome.

        `attempt_id` is sent as X-Request-ID. After `send_before`, an instant of the monotonic clock, nothing is sent.
        If `report` raises after the update was sent, `unreported` is called with the outcome before that exception
        leaves. Raises Malformed (a ValueError) for a patch that must not be sent.
        """
        call = self._call("PUT", _path(identifier, "/update"), attempt_id, correlation_id)
        content = SecretStr(encode_patch(patch).decode("ascii"))
        value = patch.get(SECRET_FIELD)
        self._meet((value,) if isinstance(value, SecretStr) else ())
        lists = [patch.get(name) for name in SHARE_FIELDS]
        public = [share.name for rows in lists if isinstance(rows, tuple) for share in rows]

        def judge(came: SeguraResponse | NoResponse) -> Outcome:
            return classify_update(identifier, patch, came, self._scrubber(public))

        def keep(came: SeguraResponse | NoResponse, exchange: Exchange) -> None:
            unreported(judge(came), exchange)

        came = self._authorised(call, content, send_before=send_before, keep=keep)
        return came.outcome if isinstance(came, TokenUnavailable) else judge(came)

    def list_directory_page(
        self, kind: DirectoryKind, start: int = 1, *, correlation_id: str = "", ends_at: float = math.inf
    ) -> DirectoryPage:
        """Return one page of users or groups, beginning with entry number `start` (contract 10).

        `ends_at` is the deadline, as in read(). Raises VaultError. SCIM requires an OAuth client of its own: the
        SeguraConfig must hold that client and its token address.
        """
        query = f"?startIndex={start}&count={PAGE_SIZE}"
        call = self._call("GET", f"{_DIRECTORY}/{kind}", "", correlation_id, query)
        return scim.parse_page(kind, start, self._authorised(call, ends_at=ends_at))

    def list_directory(
        self, kind: DirectoryKind, *, correlation_id: str = "", ends_at: float = math.inf
    ) -> Rows[DirectoryEntry]:
        """Return all users or groups of the directory, page by page, all by `ends_at`. Raises VaultError."""
        return scim.collect_pages(
            lambda start: self.list_directory_page(kind, start, correlation_id=correlation_id, ends_at=ends_at)
        )

    def _call(self, method: str, path: str, attempt_id: str, correlation_id: str, query: str = "") -> ExchangeRequest:
        return ExchangeRequest(method, urlsplit(self.config.url).path + path, attempt_id, correlation_id, query)

    def _authorised(
        self,
        call: ExchangeRequest,
        content: SecretStr | None = None,
        *,
        send_before: float = math.inf,
        ends_at: float = math.inf,
        keep: Callable[[SeguraResponse | NoResponse, Exchange], None] = _dropped,
    ) -> SeguraResponse | NoResponse | TokenUnavailable:
        """Send a call with an access token; if the token is not accepted, drop it and retry once with a new one."""
        came: SeguraResponse | NoResponse = NoResponse("too late to send", sent=False)
        for _ in range(2):
            if (wait_s := self._waits.left_s(self._wait_key)) > 0:
                return token_errors.wait_requested(wait_s)
            token = self._token(call, ends_at)
            if isinstance(token, TokenUnavailable):
                return token
            if time.monotonic() >= min(send_before, ends_at):
                return came
            came, exchange = self._carry(call, token, content, ends_at)
            try:
                self._report(exchange)
            except Exception:
                keep(came, exchange)
                raise
            if isinstance(came, NoResponse) or not is_unauthorised(came):
                return came
            self._tokens.drop(self._key, token)
        return came

    def _note_wait(self, came: SeguraResponse | NoResponse) -> None:
        """Store the wait that an answer asks for, so that no caller sends anything before it ends."""
        if wait_s := requested_wait_s(came):
            self._waits.extend(self._wait_key, wait_s)

    def _meet(self, secrets: Iterable[SecretStr]) -> None:
        """Remember secret values that no logged text may quote from now on."""
        self._met += [secret for secret in secrets if secret not in self._met]

    def _scrubber(self, public: Iterable[str] = ()) -> Scrubber:
        """Return the scrubber for all texts of this client.

        The scrubber knows the configured client secrets, and each access token and client_secret that was sent, issued
        or read so far.
        """
        return make_scrubber(self._met, public)

    def _carry(
        self, call: ExchangeRequest, token: AccessToken, content: SecretStr | None, ends_at: float
    ) -> tuple[SeguraResponse | NoResponse, Exchange]:
        url = self.config.url.removesuffix(urlsplit(self.config.url).path) + call.path + call.query
        started_at, clock = datetime.now(UTC), time.monotonic()
        self._meet((token.value,))
        came = self._edge.call(
            call.method, url, token.value, content=content, request_id=call.attempt_id, ends_at=ends_at
        )
        self._note_wait(came)
        self._meet(parsing.find_secret_values(came))
        return came, describe_exchange(call, came, self._scrubber(), started_at=started_at, duration_ms=_since(clock))

    def _token(self, call: ExchangeRequest, ends_at: float) -> AccessToken | TokenUnavailable:
        """Return a usable access token: the cached one while fresh, else a new one that one caller fetches for all."""
        held = self._tokens.get(self._key)
        if held is not None and held.is_fresh():
            return held
        asked_at = time.monotonic()
        with self._tokens.lock(self._key, patience_s=ends_at - asked_at):
            held = self._tokens.get(self._key)
            if held is not None and held.is_fresh():
                return held
            fetched = self._tokens.failure(self._key, since=asked_at)
            if not isinstance(fetched, TokenUnavailable):
                fetched = self._fetch(call, ends_at)
                if isinstance(fetched, AccessToken):
                    self._tokens.put(self._key, fetched)
                    return fetched
                if time.monotonic() < ends_at:  # the short deadline of one caller must not fail the others
                    self._tokens.failed(self._key, fetched)  # callers waiting for the lock do not all fetch again
            return held if held is not None and held.is_alive() else fetched

    def _fetch(self, cause: ExchangeRequest, ends_at: float) -> AccessToken | TokenUnavailable:
        """Fetch a token with the first configured client secret that Segura accepts."""
        fetched = self._fetch_with(self.config.client_secret, cause, ends_at)
        for spare in self.config.spare_secrets:
            if not (isinstance(fetched, TokenUnavailable) and fetched.identity):
                break
            fetched = self._fetch_with(spare, cause, ends_at)
        return fetched

    def _fetch_with(self, secret: SecretStr, cause: ExchangeRequest, ends_at: float) -> AccessToken | TokenUnavailable:
        if time.monotonic() >= ends_at:
            return TokenUnavailable(NotSent(reason="no time was left to ask for a token"))
        if (wait_s := self._waits.left_s(self._wait_key)) > 0:
            return token_errors.wait_requested(wait_s)
        call = ExchangeRequest("POST", urlsplit(self.config.token_url).path, cause.attempt_id, cause.correlation_id)
        started_at, at, clock = datetime.now(UTC), time.time(), time.monotonic()
        came, value, expires_in = self._edge.fetch_token(secret, ends_at=ends_at)
        self._note_wait(came)
        self._meet((value,) if value else ())
        scrub = self._scrubber()
        self._report(
            describe_exchange(call, came, scrub, started_at=started_at, duration_ms=_since(clock), token_call=True)
        )
        return AccessToken.granted(value, expires_in, at) if value else token_errors.classify_token_failure(came, scrub)


def _path(identifier: int, action: str = "") -> str:
    if isinstance(identifier, bool) or not isinstance(identifier, int) or identifier < 1:
        raise ValueError("an identifier is a whole number above zero")
    return f"{_RESOURCE}{action}/{identifier}"


def _since(clock: float) -> int:
    return round((time.monotonic() - clock) * 1000)
