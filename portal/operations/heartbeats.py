"""Heartbeats in the broker: which workers take up tasks, when the last sweep began, how long the queues are.

Workers write to Redis; pages read it in one bounded exchange, so that no page hangs when Redis does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from portal.common import discarded_messages

PATIENCE_S = 1.0
FORGOTTEN_AFTER_S = 3600
_WORKERS = "operations:workers"
_SWEPT = "operations:swept"


@dataclass(frozen=True)
class WorkerStatus:
    """A worker. `felt_at`: when it last took up a ping. `silent`: that is so long ago that it is fully busy or lost.

    `ahead_s`: seconds by which its host's clock was ahead of the broker's.
    """

    name: str
    felt_at: datetime
    queues: tuple[str, ...]
    silent: bool
    ahead_s: float = 0.0


@dataclass(frozen=True)
class BrokerStatus:
    """State of the broker; if it is not `reachable`, nothing else is known.

    `depths`: waiting messages by queue. `discarded`: discarded messages by reason.
    """

    reachable: bool
    workers: list[WorkerStatus] = field(default_factory=list)
    swept_at: datetime | None = None
    late: bool = False
    depths: dict[str, int] = field(default_factory=dict)
    discarded: dict[str, int] = field(default_factory=dict)

    @property
    def delivering(self) -> bool:
        """Whether a worker takes up changes."""
        return any(not worker.silent and "celery" in worker.queues for worker in self.workers)


def record_heartbeat(worker: str, queues: Sequence[str]) -> None:
    """Record that the worker has taken up a ping. A failure of Redis is ignored, since the next ping comes soon."""
    with suppress(RedisError), open_redis() as client:
        seconds, microseconds = client.time()
        ahead_s = round(time.time() - seconds - microseconds / 1e6, 1)
        client.hset(_WORKERS, worker, json.dumps({"at": seconds, "queues": sorted(queues), "ahead": ahead_s}))


def forget_worker(worker: str) -> None:
    """Forget a worker that shut down cleanly."""
    with suppress(RedisError), open_redis() as client:
        client.hdel(_WORKERS, worker)


def record_sweep() -> None:
    """Record that a sweep has begun, which shows that scheduler, queue and a worker work together."""
    with suppress(RedisError), open_redis() as client:
        client.set(_SWEPT, _now(client))


def read_broker_status() -> BrokerStatus:
    """Read the state of broker and workers, with PATIENCE_S as timeout for connecting and for reading."""
    queues = list(settings.CELERY_TASK_QUEUES)
    try:
        with open_redis() as client, client.pipeline(transaction=False) as asked:
            asked.time().hgetall(_WORKERS).get(_SWEPT).hgetall(discarded_messages.KEY)
            for queue in queues:
                asked.llen(queue)
            (now, _), workers, swept_at, discarded, *depths = asked.execute()
    except RedisError:
        return BrokerStatus(reachable=False)
    known = [_worker(name.decode(), json.loads(said), now) for name, said in sorted(workers.items())]
    forgotten = datetime.fromtimestamp(now - FORGOTTEN_AFTER_S, UTC)
    return BrokerStatus(
        reachable=True,
        workers=[worker for worker in known if worker.felt_at > forgotten],
        swept_at=datetime.fromtimestamp(int(swept_at), UTC) if swept_at else None,
        late=now - int(swept_at or 0) > 3 * settings.SWEEP_EVERY_S + 5,
        depths=dict(zip(queues, depths, strict=True)),
        discarded=discarded_messages.parse_counts(discarded),
    )


def _worker(name: str, said: dict[str, object], now: int) -> WorkerStatus:
    at = int(str(said["at"]))
    queues = said["queues"] if isinstance(said["queues"], list) else []
    silent = now - at > 2 * settings.WORKER_STUCK_AFTER_S
    ahead_s = float(str(said.get("ahead", 0)))  # an older worker does not send it
    return WorkerStatus(name, datetime.fromtimestamp(at, UTC), tuple(map(str, queues)), silent, ahead_s)


def _now(client: Redis) -> int:
    """Return the broker's time, so that the clocks of the hosts need not agree."""
    seconds, _microseconds = client.time()
    return int(seconds)


def open_redis() -> Redis:
    """Return a connection for one bounded exchange; the caller closes it."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE_S,
        socket_connect_timeout=PATIENCE_S,
        retry=Retry(NoBackoff(), 0),
    )
