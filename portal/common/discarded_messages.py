"""Counters of discarded Celery messages, stored in the broker (Redis).

The process that Prometheus scrapes cannot read a worker's memory, and the worker has a connection to the broker when
it discards a message. The counters restart at zero if Redis loses its data, as Prometheus counters may.
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
"""Not JSON or not text; without the fields of a Celery message or with an unknown task; without a valid change id."""


def count_discarded(reason: str) -> None:
    """Count one message. If Redis does not answer, only the worker's log shows the message."""
    with suppress(RedisError), _connect() as client:
        client.hincrby(KEY, reason, 1)


def parse_counts(stored: Mapping[bytes, bytes]) -> dict[str, int]:
    """Return the count of each reason from the hash that the broker stores under KEY; 0 for a missing reason."""
    return {reason: int(stored.get(reason.encode(), b"0")) for reason in REASONS}


def _connect() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_PATIENCE_S,
        socket_connect_timeout=_PATIENCE_S,
        retry=Retry(NoBackoff(), 0),
    )
