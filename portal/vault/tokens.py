"""Access tokens: cached for all processes, renewed early, fetched by one caller at a time."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from redis import Redis
from redis.exceptions import LockError, RedisError

from portal.vault.entities import SecretStr

LIFE_IF_UNSAID_S = 300.0
LONGEST_LIFE_S = 24 * 3600.0
RENEW_AT = 0.8
_REDIS_REST_S = 15.0
_DROP_IF_SAME = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


@dataclass(frozen=True)
class AccessToken:
    """Access token with the instants of its renewal and its expiry, in epoch seconds."""

    value: SecretStr
    renew_at: float
    ends_at: float

    @classmethod
    def granted(cls, value: SecretStr, expires_in: object, at: float) -> AccessToken:
        """Return a token granted at `at` for `expires_in` seconds; a missing or absurd lifetime counts as short."""
        life = _life(expires_in)
        return cls(value, at + RENEW_AT * life, at + life)

    def is_fresh(self) -> bool:
        """Return whether the token may be used without renewing it first."""
        return time.time() < self.renew_at

    def is_alive(self) -> bool:
        """Return whether the token may still be used if renewing it failed."""
        return time.time() < self.ends_at


def _life(expires_in: object) -> float:
    try:
        life = float(str(expires_in))
    except ValueError:
        return LIFE_IF_UNSAID_S
    if isinstance(expires_in, bool) or not math.isfinite(life) or life <= 0:
        return LIFE_IF_UNSAID_S
    return min(life, LONGEST_LIFE_S)


class TokenStore(Protocol):
    """Cache of access tokens by key, shared by several clients.

    Each task creates a client; the shared store also remembers a failed fetch, so that callers that waited for it need
    not try again.
    """

    def get(self, key: str) -> AccessToken | None:
        """Return the cached token, or None."""

    def put(self, key: str, token: AccessToken) -> None:
        """Cache a token."""

    def drop(self, key: str, rejected: AccessToken) -> None:
        """Remove `rejected`, unless a newer token has replaced it."""

    def lock(self, key: str, *, patience_s: float = math.inf) -> AbstractContextManager[None]:
        """Lock the fetching of a token; other callers wait at most `patience_s`, then go on without the lock."""

    def failed(self, key: str, failure: object) -> None:
        """Remember, in this process, that fetching a token failed just now."""

    def failure(self, key: str, *, since: float) -> object:
        """Return the last failure if it happened after `since` of the monotonic clock; else None."""


class MemoryTokens:
    """Token cache of one process."""

    def __init__(self) -> None:
        self._tokens: dict[str, AccessToken] = {}
        self._guard = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._failures: dict[str, tuple[float, object]] = {}

    def get(self, key: str) -> AccessToken | None:
        """Return the cached token, or None."""
        return self._tokens.get(key)

    def put(self, key: str, token: AccessToken) -> None:
        """Cache a token."""
        self._tokens[key] = token

    def drop(self, key: str, rejected: AccessToken) -> None:
        """Remove `rejected`, unless a newer token has replaced it."""
        with self._guard:
            held = self._tokens.get(key)
            if held is not None and held.value == rejected.value:
                del self._tokens[key]

    @contextmanager
    def lock(self, key: str, *, patience_s: float = math.inf) -> Iterator[None]:
        """Lock the fetching for one thread; a thread that waited `patience_s` goes on without the lock."""
        with self._guard:
            lock = self._locks[key]
        held = lock.acquire(timeout=max(0.0, min(patience_s, threading.TIMEOUT_MAX)))
        try:
            yield
        finally:
            if held:
                lock.release()

    def failed(self, key: str, failure: object) -> None:
        """Remember that fetching a token failed just now."""
        self._failures[key] = (time.monotonic(), failure)

    def failure(self, key: str, *, since: float) -> object:
        """Return the last failure if it happened after `since`; else None."""
        at, failure = self._failures.get(key, (-math.inf, None))
        return failure if at >= since else None


class Cipher(Protocol):
    """Authenticated encryption, bound to `aad`; `decrypt` raises if anything was changed."""

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return the encrypted bytes."""

    def decrypt(self, encrypted: bytes, aad: bytes) -> bytes:
        """Return the plaintext."""


class RedisTokens:
    """Encrypted token cache in Redis, shared by all processes; while Redis is away, each process uses its own memory.

    Give `redis` a client with short socket timeouts and without retries (redis-py retries by default): a frozen Redis
    costs one timeout and is then not called for 15 seconds. A caller that fetches has the lock for at most `lock_s`,
    and other callers wait no longer than that.
    """

    def __init__(self, redis: Redis, cipher: Cipher, *, lock_s: float = 10.0) -> None:
        self._redis: Any = redis
        self._cipher = cipher
        self._lock_s = lock_s
        self._memory = MemoryTokens()
        self._away_until = 0.0

    def get(self, key: str) -> AccessToken | None:
        """Return the shared token; this process's own token while Redis is away."""
        if self._is_away():
            return self._memory.get(key)
        try:
            return self._open(key, self._redis.get(key))
        except RedisError:
            self._went_away()
            return self._memory.get(key)

    def put(self, key: str, token: AccessToken) -> None:
        """Cache a token in this process and, if Redis is reachable, for all processes until the token expires."""
        self._memory.put(key, token)
        if self._is_away():
            return
        life_ms = int((token.ends_at - time.time()) * 1000)
        plaintext = json.dumps([token.value.reveal(), token.renew_at, token.ends_at]).encode()
        sealed = self._cipher.encrypt(plaintext, key.encode())
        with self._excused():
            self._redis.set(key, sealed, px=max(life_ms, 1))

    def drop(self, key: str, rejected: AccessToken) -> None:
        """Remove `rejected` everywhere, unless a newer token has replaced it."""
        self._memory.drop(key, rejected)
        if self._is_away():
            return
        with self._excused():
            sealed = self._redis.get(key)
            held = self._open(key, sealed)
            if held is None or held.value == rejected.value:
                self._redis.eval(_DROP_IF_SAME, 1, key, sealed or b"")

    @contextmanager
    def lock(self, key: str, *, patience_s: float = math.inf) -> Iterator[None]:
        """Lock the fetching for one thread of one process; the lock of a dead process expires after `lock_s`."""
        ends_at = time.monotonic() + patience_s
        with self._memory.lock(key, patience_s=patience_s):
            lock = self._acquire(key, ends_at - time.monotonic())
            try:
                yield
            finally:
                self._release(lock)

    def failed(self, key: str, failure: object) -> None:
        """Remember, in this process, that fetching a token failed just now."""
        self._memory.failed(key, failure)

    def failure(self, key: str, *, since: float) -> object:
        """Return the last failure in this process if it happened after `since`; else None."""
        return self._memory.failure(key, since=since)

    def _acquire(self, key: str, patience_s: float) -> Any:
        wait = min(self._lock_s, patience_s)
        if wait <= 0 or self._is_away():
            return None
        lock = self._redis.lock(
            key + ":lock", timeout=self._lock_s, blocking_timeout=wait, sleep=0.02, thread_local=False
        )
        try:
            return lock if lock.acquire() else None
        except RedisError:
            self._went_away()
            return None

    def _release(self, lock: Any) -> None:
        if lock is not None:
            with self._excused(), suppress(LockError):  # the lock may have expired meanwhile
                lock.release()

    def _open(self, key: str, sealed: bytes | None) -> AccessToken | None:
        if not sealed:
            return None
        try:
            value, renew_at, ends_at = json.loads(self._cipher.decrypt(sealed, key.encode()))
        except Exception:  # noqa: BLE001 - a token that cannot be decrypted (other key, or tampered with) is ignored
            return None
        return AccessToken(SecretStr(value), renew_at, ends_at)

    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until

    def _went_away(self) -> None:
        self._away_until = time.monotonic() + _REDIS_REST_S

    @contextmanager
    def _excused(self) -> Iterator[None]:
        try:
            yield
        except RedisError:
            self._went_away()
