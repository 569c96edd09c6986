"""Waits that Segura or its gateway asked for with Retry-After: one per address, for all callers and processes."""

from __future__ import annotations

import time
from typing import Any, Protocol

from redis import Redis
from redis.exceptions import RedisError

_REDIS_REST_S = 15.0


class Waits(Protocol):
    """Store of requested waits, checked by the client before each call."""

    def extend(self, key: str, seconds: float) -> None:
        """Make all callers wait this many seconds from now; a longer wait stays."""

    def left_s(self, key: str) -> float:
        """Return the seconds until the next call is allowed, 0.0 if it is allowed now."""


class MemoryWaits:
    """Store of waits for one process."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}

    def extend(self, key: str, seconds: float) -> None:
        """Make all callers of this process wait this many seconds from now; a longer wait stays."""
        self._ends[key] = max(self._ends.get(key, 0.0), time.monotonic() + seconds)

    def left_s(self, key: str) -> float:
        """Return the seconds until the next call is allowed, 0.0 if it is allowed now."""
        return max(0.0, self._ends.get(key, 0.0) - time.monotonic())


class RedisWaits:
    """Store of waits in Redis, shared by all processes; while Redis is away, each process uses its own memory.

    Give `redis` a client with short socket timeouts and without retries: a frozen Redis costs one timeout and is then
    not called for 15 seconds. Redis counts the remaining time, so the clocks of the hosts need not agree.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis
        self._memory = MemoryWaits()
        self._away_until = 0.0

    def extend(self, key: str, seconds: float) -> None:
        """Make all callers wait this many seconds from now; a longer wait stays."""
        self._memory.extend(key, seconds)
        if seconds > self._shared_s(key):
            self._ask("set", key, "1", px=max(1, round(seconds * 1000)))

    def left_s(self, key: str) -> float:
        """Return the seconds until the next call is allowed, 0.0 if it is allowed now."""
        return max(self._memory.left_s(key), self._shared_s(key))

    def _shared_s(self, key: str) -> float:
        return max(0, self._ask("pttl", key) or 0) / 1000

    def _ask(self, command: str, *args: object, **options: object) -> Any:
        if time.monotonic() < self._away_until:
            return None
        try:
            return getattr(self._redis, command)(*args, **options)
        except RedisError:
            self._away_until = time.monotonic() + _REDIS_REST_S
            return None
