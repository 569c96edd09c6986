"""Waits that Segura or its gateway asked for with Retry-After: one for each address, for all callers and processes."""

from __future__ import annotations

import time
from typing import Any, Protocol

from redis import Redis
from redis.exceptions import RedisError

_REDIS_REST_S = 15.0


class Waits(Protocol):
    """Where a client notes a wait that it was asked for, and looks before each call."""

    def extend(self, key: str, seconds: float) -> None:
        """Make everybody wait this long from now; a longer wait stays."""

    def left_s(self, key: str) -> float:
        """Return the seconds until the next call is welcome, 0.0 if it is now."""


class MemoryWaits:
    """Waits of this process alone."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}

    def extend(self, key: str, seconds: float) -> None:
        """Make everybody wait this long from now; a longer wait stays."""
        self._ends[key] = max(self._ends.get(key, 0.0), time.monotonic() + seconds)

    def left_s(self, key: str) -> float:
        """Return the seconds until the next call is welcome, 0.0 if it is now."""
        return max(0.0, self._ends.get(key, 0.0) - time.monotonic())


class RedisWaits:
    """Waits shared by all processes through Redis; while Redis is away, of this process alone.

    Give `redis` a client with short socket timeouts and without retries: a frozen Redis costs one timeout, then is
    left alone for 15 seconds. The time left is counted by Redis, so that clocks of hosts need not agree.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis
        self._memory = MemoryWaits()
        self._away_until = 0.0

    def extend(self, key: str, seconds: float) -> None:
        """Make everybody wait this long from now; a longer wait stays."""
        self._memory.extend(key, seconds)
        if seconds > self._shared_s(key):
            self._ask("set", key, "1", px=max(1, round(seconds * 1000)))

    def left_s(self, key: str) -> float:
        """Return the seconds until the next call is welcome, 0.0 if it is now."""
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
