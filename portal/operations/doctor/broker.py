"""Check of Redis: whether it keeps its data. Reads INFO, which every account may use, unlike CONFIG."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from redis.exceptions import RedisError

from portal.common.env import is_loopback_url
from portal.operations import heartbeats
from portal.operations.doctor.finding import CheckArea, Finding

_AREA = CheckArea("broker")
_FULL = 0.9


def check_broker() -> Iterator[Finding]:
    """Yield findings about Redis. If Redis loses a message, the change waits for the next sweep, some seconds."""
    try:
        with heartbeats.open_redis() as redis:
            info: dict[str, Any] = redis.info()
    except RedisError as error:
        yield _AREA.problem(
            f"it does not answer ({type(error).__name__})",
            "Start Redis, or mend REDIS_URL: approved changes wait, the log is not sealed.",
        )
        return
    yield from _kept(info)
    yield from _room(info)
    if info.get("role") != "master":
        yield _AREA.problem("it is a replica, and takes no writes", "Let REDIS_URL lead to the master.")
    yield from _reached()


def _kept(info: dict[str, Any]) -> Iterator[Finding]:
    if not info.get("aof_enabled"):
        yield _AREA.advice(
            "appendonly is no: a restart loses what waits",
            "Set appendonly yes. Nothing is lost for good, since the rows are the queue; but every wait then takes "
            "until the next sweep, and the token is fetched anew.",
        )
    elif info.get("aof_last_write_status") != "ok":
        yield _AREA.problem("it cannot write its append-only file", "Look at its disk: it will refuse all writes.")
    else:
        yield _AREA.ok("appendonly is yes, and its file is written")


def _room(info: dict[str, Any]) -> Iterator[Finding]:
    policy, most, used = str(info.get("maxmemory_policy")), int(info.get("maxmemory", 0)), int(info["used_memory"])
    if policy.startswith("allkeys"):
        yield _AREA.problem(
            f"maxmemory-policy is {policy}: when memory is short it throws whole queues away",
            "Set maxmemory-policy noeviction: it then refuses, which the portal notices and bridges.",
        )
    elif policy != "noeviction":
        yield _AREA.advice(f"maxmemory-policy is {policy}: it may drop Segura's token", "Set noeviction.")
    else:
        yield _AREA.ok("maxmemory-policy is noeviction")
    if most and used > _FULL * most:
        yield _AREA.problem(f"{used / most:.0%} of maxmemory is used", "Give it more: past that it refuses messages.")


def _reached() -> Iterator[Finding]:
    url = urlsplit(settings.REDIS_URL)
    if url.scheme == "redis" and not url.password and not is_loopback_url(settings.REDIS_URL):
        yield _AREA.advice(
            f"{url.hostname} takes messages from everybody who reaches it",
            "Let only web, worker and beat reach it, or set a password (redis://:…@) or rediss://.",
        )
