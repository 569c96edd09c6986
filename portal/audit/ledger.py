"""record(): the only writer of the log.

It runs in the caller's transaction, so that an act and its event live or die together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from portal.accounts import origin

_TRIES = 20
_MASKED = re.compile(r"client_secret|password|token|authorization", re.IGNORECASE)
_NOW = {"postgresql": "clock_timestamp()", "sqlite": "strftime('%%Y-%%m-%%dT%%H:%%M:%%f+00:00', 'now')"}


def record(
    action: str,
    *,
    by: str = "",
    change: int | None = None,
    secret: int | None = None,
    code: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Append one event and return its id.

    `action` is `noun.past`; `by` the acting person's sign-in name ('' for the machine); `change` numbers the
    event within its change; `code` is the HTTP status Segura answered; `data` holds text, int, bool, None,
    lists and mappings of these. Values under a key that names a secret are masked whatever they are.
    Time is the database's. Raises DatabaseError where the log cannot be written: then nothing else may happen.
    """
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                return _append(action, by, change, secret, code, data or {})
        except IntegrityError:
            # Somebody else numbered an event of this change at the same moment: take the next number.
            if change is None or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def canonical(value: Mapping[str, Any]) -> str:
    """The one text of a value: JSON with sorted keys and no spaces, what is hashed and what is shown."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _append(
    action: str, by: str, change: int | None, secret: int | None, code: int | None, data: Mapping[str, Any]
) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_NOW[connection.vendor]}, (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_event WHERE change = %s)",  # noqa: S608
            [change],
        )
        now, seq = cursor.fetchone()
        at = now if isinstance(now, datetime) else datetime.fromisoformat(now)
        where = origin.current()
        text = canonical(
            {
                "v": 1,
                "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
                "action": action,
                "actor": by,
                "address": where.address,
                "request": where.request_id,
                "change": change,
                "seq": seq if change is not None else None,
                "secret": secret,
                "code": code,
                "data": _clean(data),
            }
        )
        cursor.execute(
            "INSERT INTO audit_event (at, action, actor, change, seq, secret, code, text)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            [
                connection.ops.adapt_datetimefield_value(at),
                action,
                by,
                change,
                seq if change is not None else None,
                secret,
                code,
                text,
            ],
        )
        return int(cursor.fetchone()[0])


def _clean(value: Any, key: str = "") -> Any:
    """Plain JSON values only, masked where the key names a secret, storable on both engines."""
    if isinstance(value, Mapping):
        return {str(name): _clean(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item, key) for item in value]
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, str):
        return "****" if value and _MASKED.search(key) else value.encode("utf-8", "replace").decode()
    raise TypeError(f"{type(value).__name__} has no place in the log (under {key!r})")
