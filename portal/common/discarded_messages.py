"""How many messages were thrown away because they are none: counted in the broker that they came from.

A worker has no other place that the process which Prometheus asks can read, and the broker is at hand in this moment.
The count begins again at zero if Redis loses its data, as counters may.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

KEY = "operations:discarded"
_PATIENCE_S = 0.5
REASONS = ("unreadable", "unusable", "no_change")
"""It is not JSON, or no text; it lacks what Celery's messages have, or names no task; it names no change."""


def count_discarded(reason: str) -> None:
    """Count one message. What Redis does not take is in the worker's log alone."""
    with suppress(RedisError), _connect() as client:
        client.hincrby(KEY, reason, 1)


def parse_counts(stored: Mapping[bytes, bytes]) -> dict[str, int]:
    """Return the count of each reason by what the broker has stored under KEY, 0 if there was none."""
    return {reason: int(stored.get(reason.encode(), b"0")) for reason in REASONS}


def _connect() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_PATIENCE_S,
        socket_connect_timeout=_PATIENCE_S,
        retry=Retry(NoBackoff(), 0),
    )
