"""What the broker knows of the machinery: which workers take up work, when the sweep came by last, what waits in line.

Workers leave word in Redis; pages read it in one bounded exchange, so that no page hangs because something else does.
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
    """`felt_at`: when it last took up what it was asked. `silent`: so long ago that it is busy throughout, or lost.

    `ahead_s`: how far its machine's clock was before the broker's.
    """

    name: str
    felt_at: datetime
    queues: tuple[str, ...]
    silent: bool
    ahead_s: float = 0.0


@dataclass(frozen=True)
class BrokerStatus:
    """As of now; without `reachable` nothing else is known.

    `depths`: messages that wait, by queue. `discarded`: messages that were thrown away as none, by reason.
    """

    reachable: bool
    workers: list[WorkerStatus] = field(default_factory=list)
    swept_at: datetime | None = None
    late: bool = False
    depths: dict[str, int] = field(default_factory=dict)
    discarded: dict[str, int] = field(default_factory=dict)

    @property
    def delivering(self) -> bool:
        """Whether somebody takes up changes."""
        return any(not worker.silent and "celery" in worker.queues for worker in self.workers)


def record_heartbeat(worker: str, queues: Sequence[str]) -> None:
    """The worker has just taken up a question. What Redis does not take is no harm: it is asked again soon."""
    with suppress(RedisError), open_redis() as client:
        seconds, microseconds = client.time()
        ahead_s = round(time.time() - seconds - microseconds / 1e6, 1)
        client.hset(_WORKERS, worker, json.dumps({"at": seconds, "queues": sorted(queues), "ahead": ahead_s}))


def forget_worker(worker: str) -> None:
    """It has ended as it should."""
    with suppress(RedisError), open_redis() as client:
        client.hdel(_WORKERS, worker)


def record_sweep() -> None:
    """A sweep has begun: scheduler, queue and a worker work together."""
    with suppress(RedisError), open_redis() as client:
        client.set(_SWEPT, _now(client))


def read_broker_status() -> BrokerStatus:
    """All of it, within PATIENCE_S for each of connecting and reading."""
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
    silent = now - at > 2 * settings.WORKER_DEAF_AFTER_S
    ahead_s = float(str(said.get("ahead", 0)))  # a worker of an earlier release does not say
    return WorkerStatus(name, datetime.fromtimestamp(at, UTC), tuple(map(str, queues)), silent, ahead_s)


def _now(client: Redis) -> int:
    """The broker's clock, so that those of the machines need not agree."""
    seconds, _microseconds = client.time()
    return int(seconds)


def open_redis() -> Redis:
    """A connection for one bounded exchange; close it."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE_S,
        socket_connect_timeout=PATIENCE_S,
        retry=Retry(NoBackoff(), 0),
    )
