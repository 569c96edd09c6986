"""The portal's one way to Segura: a client of the settings whose every exchange goes to the log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import Literal, cast

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.audit import ledger
from portal.catalog.availability import AvailabilityGuard
from portal.common import keyring
from portal.common.env import read_secret_lines
from portal.vault import Client, ConfigError, Exchange, RedisTokens, RedisWaits, SecretStr, SeguraConfig, TokenStore

ONE_SECRET = 1024 * 1024
WHOLE_LIST = 64 * 1024 * 1024
"""The list has no pages (contract 5.1) and some 140 bytes a row: this is room for 400,000 secrets."""
_SCIM_TOKENS = "/iso/oauth2/token"
_REDIS_TIMEOUT_S = 2.0


class NotConfigured(Exception):
    """The settings do not lead to Segura; the message names the setting."""


def build_client(
    *,
    by: str = "",
    change: int | None = None,
    secret: int | None = None,
    max_body: int = ONE_SECRET,
    directory: bool = False,
    tokens: TokenStore | None = None,
    told: Callable[[Exchange], None] | None = None,
) -> Client:
    """A client that logs each HTTP exchange as `by`'s, of this change and API secret ('' for the machine).

    With `directory` it is the SCIM client, which reads names and nothing else. Answers longer than `max_body` bytes
    are not read. `tokens` takes the place of the tokens all processes share; `told` hears of each exchange once it is
    in the log.

    Call it, and what it returns, outside any transaction: an exchange that a rollback takes out of the log
    would have happened unseen, so the log refuses it with RuntimeError. DatabaseError leaves the client's
    methods where the log cannot be written. Raises NotConfigured.
    """
    prefix = "SEGURA_SCIM_CLIENT" if directory else "SEGURA_CLIENT"
    needed = ("SEGURA_URL", f"{prefix}_ID", f"{prefix}_SECRET")
    missing = [name for name in needed if not getattr(settings, name)]
    if missing:
        raise NotConfigured(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set")
    try:
        report = _reporter(by, change, secret, told)
        config, redis = _config(prefix, max_body, directory), settings.REDIS_URL
        return Client(config, tokens=tokens or _tokens(redis), report=report, waits=_waits(redis))
    except ConfigError as error:
        raise NotConfigured(str(error)) from None


def _config(prefix: str, max_body: int, directory: bool) -> SeguraConfig:
    name = f"{prefix}_SECRET"
    first, *spare = map(SecretStr, read_secret_lines(name, getattr(settings, name)))
    return SeguraConfig(
        url=settings.SEGURA_URL,
        token_url=settings.SEGURA_URL.rstrip("/") + _SCIM_TOKENS if directory else settings.SEGURA_TOKEN_URL,
        client_id=getattr(settings, f"{prefix}_ID"),
        client_secret=first,
        spare_secrets=tuple(spare),
        tenant=settings.SEGURA_TENANT,
        ca_bundle=settings.SEGURA_CA_BUNDLE,
        client_auth=cast(Literal["body", "basic"], settings.SEGURA_CLIENT_AUTH),
        connect_timeout_s=settings.SEGURA_CONNECT_TIMEOUT_S,
        read_timeout_s=settings.SEGURA_DEADLINE_S,
        deadline_s=settings.SEGURA_DEADLINE_S,
        max_body=max_body,
    )


class _TokenCipher:
    """The key ring, with every token bound to being one."""

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        return keyring.get_keyring().seal(plaintext, b"vault token\0" + aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        return keyring.get_keyring().open(sealed, b"vault token\0" + aad)


@cache
def _tokens(url: str) -> RedisTokens:
    """One per process: it remembers that Redis is away, and the token meanwhile."""
    return RedisTokens(_redis(url), _TokenCipher())


@cache
def _waits(url: str) -> RedisWaits:
    """One per process, whatever client and tokens are used: a wait that Segura asked for is everybody's."""
    return RedisWaits(_redis(url))


def _redis(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=_REDIS_TIMEOUT_S,
        socket_connect_timeout=_REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),  # a frozen Redis is waited for once; the process remembers what it needs
    )


@cache
def get_availability_guard() -> AvailabilityGuard:
    """What this process knows of Segura's silence."""
    return AvailabilityGuard()


def _reporter(
    by: str, change: int | None, secret: int | None, told: Callable[[Exchange], None] | None
) -> Callable[[Exchange], None]:
    def report(exchange: Exchange) -> None:
        # Durable, as it is within no transaction: then the statement is one, without two exchanges to begin and end it.
        with transaction.atomic(durable=True) if database.in_atomic_block else nullcontext():
            ledger.record_event(
                exchange_action(exchange),
                by=by,
                change=change,
                secret=secret,
                code=exchange.status,
                data=exchange_data(exchange),
            )
        if told is not None:
            told(exchange)

    return report


def exchange_action(exchange: Exchange) -> str:
    """The kind of event it is for the log."""
    return "vault.unanswered" if exchange.status is None else "vault.responded"


def exchange_data(exchange: Exchange) -> dict[str, str | int | None]:
    """What the log keeps of it."""
    return {
        "method": exchange.method,
        "path": exchange.path,
        "code": exchange.code,
        "number": exchange.number,
        "message": exchange.message,
        "origin": exchange.origin,
        "reason": exchange.reason,
        "started_at": exchange.started_at.isoformat(timespec="milliseconds"),
        "duration_ms": exchange.duration_ms,
        "attempt": exchange.attempt_id,
        "correlation": exchange.correlation_id,
    }
