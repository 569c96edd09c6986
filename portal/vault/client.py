"""The Segura client: list, read and update API secrets (contract, sections 3 to 5 and 11).

from portal.vault import Client
client = Client.connect(url="https://segura.example/", client_id="...", client_secret="...")
client.list()
client.read(43)
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from portal.vault import directory, grants, readings
from portal.vault.answers import Answer, NoAnswer, is_unauthorised
from portal.vault.config import Config
from portal.vault.directory import PAGE_SIZE, Name, NamePage, Names
from portal.vault.edge import Edge
from portal.vault.entity import SECRET_FIELD, SHARE_FIELDS, ApiSecret, ListedSecret, Patch, Secret, body
from portal.vault.exchange import Call, Exchange, describe
from portal.vault.grants import NoToken
from portal.vault.leftovers import Rows
from portal.vault.outcomes import NotSent, Outcome, classify, requested_wait_s
from portal.vault.text import Scrubber, scrubber
from portal.vault.tokens import MemoryTokens, Token, TokenStore
from portal.vault.waits import MemoryWaits, Waits

Report = Callable[[Exchange], None]
_RESOURCE = "api/mysafe/secretapi"
_DIRECTORY = "iso/scim/v2"


Unreported = Callable[[Outcome, Exchange], None]


def _unheard(_exchange: Exchange) -> None:
    """For use without a log, as from a REPL."""


def _dropped(*_: object) -> None:
    """For callers whom the exception is enough."""


class Client:
    """One connection to Segura, safe to share between threads.

    `report` is called exactly once for every HTTP exchange, token calls and calls without an answer included,
    after it is over. If it raises, that exception leaves the method and nothing further is sent; after an
    update the caller must then take the outcome as in doubt. While a wait that Segura asked for lasts (`waits`),
    nothing is sent: reads raise WaitRequested, an update comes to NotSent.
    """

    def __init__(self, config: Config, *, tokens: TokenStore, report: Report, waits: Waits | None = None) -> None:
        self.config = config
        self._edge = Edge(config)
        self._tokens = tokens
        self._report = report
        self._waits = waits or MemoryWaits()
        self._wait_key = "segura:wait:" + hashlib.sha256(config.url.encode()).hexdigest()[:32]
        self._met: list[Secret] = list(config.secrets)
        identity = "\n".join((config.token_url, config.client_id, config.tenant))
        self._key = "segura:token:" + hashlib.sha256(identity.encode()).hexdigest()[:32]

    @classmethod
    def connect(cls, *, url: str, client_id: str, client_secret: str | Secret, **options: Any) -> Client:
        """A client with its own token cache and no log; `options` are the other fields of Config."""
        secret = client_secret if isinstance(client_secret, Secret) else Secret(client_secret)
        config = Config(url=url, client_id=client_id, client_secret=secret, **options)
        return cls(config, tokens=MemoryTokens(), report=_unheard)

    def __repr__(self) -> str:
        return f"Client({self.config.url})"

    def list(self, *, attempt_id: str = "", correlation_id: str = "", ends_at: float = math.inf) -> Rows[ListedSecret]:
        """All API secrets that our access key sees (contract 5.1), by `ends_at` as in read(). Raises VaultError."""
        call = self._call("GET", _RESOURCE, attempt_id, correlation_id)
        return readings.listed(self._authorised(call, ends_at=ends_at))

    def read(
        self, identifier: int, *, attempt_id: str = "", correlation_id: str = "", ends_at: float = math.inf
    ) -> ApiSecret:
        """One API secret, its value included where Segura shows it (contract 5.2); Segura logs a view.

        The whole of it, a token included, is over by `ends_at`, an instant of the monotonic clock. Raises
        ReadRefused, Unreachable, Unauthorised or Unreadable; ValueError for an impossible identifier.
        """
        call = self._call("GET", _path(identifier), attempt_id, correlation_id)
        return readings.one(identifier, self._authorised(call, ends_at=ends_at))

    def update(
        self,
        identifier: int,
        patch: Patch,
        *,
        attempt_id: str,
        correlation_id: str = "",
        send_before: float = math.inf,
        unreported: Unreported = _dropped,
    ) -> Outcome:
        """Sends one edit, once (contract 5.4), and says what is known then.

        `attempt_id` goes out as X-Request-ID. Past `send_before`, an instant of the monotonic clock, nothing
        is sent any more. Where `report` raises after the edit was sent, `unreported` is told what is known before
        that exception leaves. Raises Malformed (a ValueError) for a patch that must not be sent.
        """
        call = self._call("PUT", _path(identifier, "/update"), attempt_id, correlation_id)
        content = Secret(body(patch).decode("ascii"))
        value = patch.get(SECRET_FIELD)
        self._meet((value,) if isinstance(value, Secret) else ())
        lists = [patch.get(name) for name in SHARE_FIELDS]
        public = [share.name for rows in lists if isinstance(rows, tuple) for share in rows]

        def judge(came: Answer | NoAnswer) -> Outcome:
            return classify(identifier, patch, came, self._scrubber(public))

        def keep(came: Answer | NoAnswer, exchange: Exchange) -> None:
            unreported(judge(came), exchange)

        came = self._authorised(call, content, send_before=send_before, keep=keep)
        return came.outcome if isinstance(came, NoToken) else judge(came)

    def name_page(
        self, kind: Names, start: int = 1, *, correlation_id: str = "", ends_at: float = math.inf
    ) -> NamePage:
        """Users or groups from the `start`th on (contract 10), by `ends_at` as in read(). Raises VaultError.

        SCIM wants a client of its own: give Config that one, and its token address.
        """
        query = f"?startIndex={start}&count={PAGE_SIZE}"
        call = self._call("GET", f"{_DIRECTORY}/{kind}", "", correlation_id, query)
        return directory.page(kind, start, self._authorised(call, ends_at=ends_at))

    def names(self, kind: Names, *, correlation_id: str = "", ends_at: float = math.inf) -> Rows[Name]:
        """All of them, page by page, and by `ends_at` altogether. Raises VaultError."""
        return directory.everyone(
            lambda start: self.name_page(kind, start, correlation_id=correlation_id, ends_at=ends_at)
        )

    def _call(self, method: str, path: str, attempt_id: str, correlation_id: str, query: str = "") -> Call:
        return Call(method, urlsplit(self.config.url).path + path, attempt_id, correlation_id, query)

    def _authorised(
        self,
        call: Call,
        content: Secret | None = None,
        *,
        send_before: float = math.inf,
        ends_at: float = math.inf,
        keep: Callable[[Answer | NoAnswer, Exchange], None] = _dropped,
    ) -> Answer | NoAnswer | NoToken:
        """Carries a call with a token; if that is not taken, drops it and tries once more, with a new one."""
        came: Answer | NoAnswer = NoAnswer("too late to send", sent=False)
        for _ in range(2):
            if (wait_s := self._waits.left_s(self._wait_key)) > 0:
                return grants.held_off(wait_s)
            token = self._token(call, ends_at)
            if isinstance(token, NoToken):
                return token
            if time.monotonic() >= min(send_before, ends_at):
                return came
            came, exchange = self._carry(call, token, content, ends_at)
            try:
                self._report(exchange)
            except Exception:
                keep(came, exchange)
                raise
            if isinstance(came, NoAnswer) or not is_unauthorised(came):
                return came
            self._tokens.drop(self._key, token)
        return came

    def _note_wait(self, came: Answer | NoAnswer) -> None:
        """Let nobody call before the instant that this answer asks for."""
        if wait_s := requested_wait_s(came):
            self._waits.extend(self._wait_key, wait_s)

    def _meet(self, secrets: Iterable[Secret]) -> None:
        """Remember what no text may quote from now on."""
        self._met += [secret for secret in secrets if secret not in self._met]

    def _scrubber(self, public: Iterable[str] = ()) -> Scrubber:
        """Return the one scrubber for all texts of this client.

        It knows the client secrets, and each access token and client_secret that was sent, issued or read so far.
        """
        return scrubber(self._met, public)

    def _carry(
        self, call: Call, token: Token, content: Secret | None, ends_at: float
    ) -> tuple[Answer | NoAnswer, Exchange]:
        url = self.config.url.removesuffix(urlsplit(self.config.url).path) + call.path + call.query
        started_at, clock = datetime.now(UTC), time.monotonic()
        self._meet((token.value,))
        came = self._edge.call(
            call.method, url, token.value, content=content, request_id=call.attempt_id, ends_at=ends_at
        )
        self._note_wait(came)
        self._meet(readings.secrets_in(came))
        return came, describe(call, came, self._scrubber(), started_at=started_at, duration_ms=_since(clock))

    def _token(self, call: Call, ends_at: float) -> Token | NoToken:
        """A usable token: the cached one while fresh, else a new one, fetched by one caller for all."""
        held = self._tokens.get(self._key)
        if held is not None and held.is_fresh():
            return held
        asked_at = time.monotonic()
        with self._tokens.lock(self._key, patience_s=ends_at - asked_at):
            held = self._tokens.get(self._key)
            if held is not None and held.is_fresh():
                return held
            fetched = self._tokens.failure(self._key, since=asked_at)
            if not isinstance(fetched, NoToken):
                fetched = self._fetch(call, ends_at)
                if isinstance(fetched, Token):
                    self._tokens.put(self._key, fetched)
                    return fetched
                if time.monotonic() < ends_at:  # a hurried caller's failure is theirs alone
                    self._tokens.failed(self._key, fetched)  # for those who waited meanwhile: no herd
            return held if held is not None and held.is_alive() else fetched

    def _fetch(self, cause: Call, ends_at: float) -> Token | NoToken:
        """With the first client secret that Segura takes."""
        fetched = self._fetch_with(self.config.client_secret, cause, ends_at)
        for spare in self.config.spare_secrets:
            if not (isinstance(fetched, NoToken) and fetched.identity):
                break
            fetched = self._fetch_with(spare, cause, ends_at)
        return fetched

    def _fetch_with(self, secret: Secret, cause: Call, ends_at: float) -> Token | NoToken:
        if time.monotonic() >= ends_at:
            return NoToken(NotSent(reason="no time was left to ask for a token"))
        if (wait_s := self._waits.left_s(self._wait_key)) > 0:
            return grants.held_off(wait_s)
        call = Call("POST", urlsplit(self.config.token_url).path, cause.attempt_id, cause.correlation_id)
        started_at, at, clock = datetime.now(UTC), time.time(), time.monotonic()
        came, value, expires_in = self._edge.fetch_token(secret, ends_at=ends_at)
        self._note_wait(came)
        self._meet((value,) if value else ())
        scrub = self._scrubber()
        self._report(describe(call, came, scrub, started_at=started_at, duration_ms=_since(clock), token_call=True))
        return Token.granted(value, expires_in, at) if value else grants.refused(came, scrub)


def _path(identifier: int, action: str = "") -> str:
    if isinstance(identifier, bool) or not isinstance(identifier, int) or identifier < 1:
        raise ValueError("an identifier is a whole number above zero")
    return f"{_RESOURCE}{action}/{identifier}"


def _since(clock: float) -> int:
    return round((time.monotonic() - clock) * 1000)
