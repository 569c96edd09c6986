"""What the portal leaves behind in its database, in Redis and in what it printed, for a search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from redis import Redis

from tests.rig.markers import Source


def residue(log: Path | None = None) -> Iterator[Source]:
    """Every row of every table, every key of Redis, and `log`."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own tables
            yield f"table {table}", _flat(cell for row in cursor.fetchall() for cell in row)
    with Redis.from_url(settings.REDIS_URL) as redis:
        for key in redis.scan_iter():
            yield f"Redis key {key.decode(errors='replace')}", _flat(_value(redis, key))
    if log is not None:
        yield log.name, log.read_bytes()


def _value(redis: Any, key: bytes) -> Iterable[Any]:
    """Not DUMP, which compresses."""
    match redis.type(key):
        case b"string":
            return [redis.get(key)]
        case b"list":
            return redis.lrange(key, 0, -1)  # type: ignore[no-any-return]
        case b"set":
            return redis.smembers(key)  # type: ignore[no-any-return]
        case b"zset":
            return redis.zrange(key, 0, -1)  # type: ignore[no-any-return]
        case b"hash":
            return (part for pair in redis.hgetall(key).items() for part in pair)
        case _:
            return []


def _flat(cells: Iterable[Any]) -> bytes:
    return b"\n".join(bytes(each) if isinstance(each, bytes | memoryview) else str(each).encode() for each in cells)
