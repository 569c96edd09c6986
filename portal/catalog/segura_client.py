"""Segura client built from the settings, with an audit event for every exchange. All calls to Segura go through it."""

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
"""Size limit in bytes for the list, which has no pages (contract 5.1).

At about 140 bytes a row this is room for more than 400,000 secrets.
"""
_SCIM_TOKENS = "/iso/oauth2/token"
_REDIS_TIMEOUT_S = 2.0


class NotConfigured(Exception):
    """Settings that do not lead to Segura; the message names the setting."""


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
    """Return a client that records each HTTP exchange as an event of the user `by`, this change and this API secret.

    An empty `by` means the portal itself. With `directory` the client is the SCIM client, which only reads names.
    Answers longer than `max_body` bytes are not read. `tokens` replaces the token cache that all processes share;
    `told` is called with each exchange once its event is recorded.

    Call this function and the client outside any transaction: a rollback would remove the event of an exchange that has
    happened, so the log raises RuntimeError. The client's methods raise DatabaseError if the log cannot be written.
    Raises NotConfigured.
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
    """Cipher of the key ring, with additional data that marks every ciphertext as an access token."""

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        return keyring.get_keyring().encrypt(plaintext, b"vault token\0" + aad)

    def decrypt(self, encrypted: bytes, aad: bytes) -> bytes:
        return keyring.get_keyring().decrypt(encrypted, b"vault token\0" + aad)


@cache
def _tokens(url: str) -> RedisTokens:
    """Return the token cache of this process, which also remembers that Redis is away and keeps a token meanwhile."""
    return RedisTokens(_redis(url), _TokenCipher())


@cache
def _waits(url: str) -> RedisWaits:
    """Return the store of waits of this process; a wait that Segura asked for applies to all clients and tokens."""
    return RedisWaits(_redis(url))


def _redis(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=_REDIS_TIMEOUT_S,
        socket_connect_timeout=_REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),  # wait only once for a frozen Redis; the process caches what it needs
    )


@cache
def get_availability_guard() -> AvailabilityGuard:
    """Return the availability guard of this process."""
    return AvailabilityGuard()


def _reporter(
    by: str, change: int | None, secret: int | None, told: Callable[[Exchange], None] | None
) -> Callable[[Exchange], None]:
    def report(exchange: Exchange) -> None:
        # Inside a transaction the durable block raises RuntimeError. Outside one, the event is a single statement in
        # autocommit, which saves the round trips for BEGIN and COMMIT.
        with transaction.atomic(durable=True) if database.in_atomic_block else nullcontext():
            ledger.record_event(
                exchange_action(exchange),
                by=by,
                change=change,
                secret=secret,
                http_status=exchange.status,
                data=exchange_data(exchange),
            )
        if told is not None:
            told(exchange)

    return report


def exchange_action(exchange: Exchange) -> str:
    """Return the event action for an exchange."""
    return "vault.unanswered" if exchange.status is None else "vault.responded"


def exchange_data(exchange: Exchange) -> dict[str, str | int | None]:
    """Return the data of an exchange that the event stores."""
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
