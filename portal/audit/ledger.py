"""record(): the only writer of the log.

It runs in the caller's transaction, so that an act and its event live or die together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from portal.accounts import origin
from portal.audit import events

_MASK = "****"
_MASKED = re.compile(r"client.?secret|sealed|passw|token|authorization|cookie", re.IGNORECASE)
_NOW = {"postgresql": "clock_timestamp()", "sqlite": "strftime('%%Y-%%m-%%dT%%H:%%M:%%f+00:00', 'now')"}
_INSERT = (
    "INSERT INTO audit_event (at, action, actor, change, seq, secret, code, text)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
)
_LOCK_CLASS = 0x4155  # "AU": keeps these advisory locks apart from those of others


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

    `action` is one of events.ACTIONS; `by` the acting person's sign-in name ('' for the machine); `change` numbers
    the event within its change; `code` is the HTTP status Segura answered; `data` holds text, int, bool, None,
    lists and mappings of these. Values under a key that names a secret are masked whatever they are.
    Time is the database's. Raises DatabaseError where the log cannot be written: then nothing else may happen;
    UnknownAction and TypeError where the caller is wrong.
    """
    events.check(action)
    clean = _clean(data or {})
    # No savepoint: a log that cannot be written must take the caller's transaction down with it.
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        at, seq = _place(cursor, change)
        where = origin.current()
        keys = {"action": action, "actor": storable(by), "change": change, "seq": seq, "secret": secret, "code": code}
        text = canonical(
            {
                "v": 1,
                "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
                "address": where.address,
                "request": where.request_id,
                "data": clean,
                **keys,
            }
        )
        cursor.execute(_INSERT, [connection.ops.adapt_datetimefield_value(at), *keys.values(), text])
        return int(cursor.fetchone()[0])


def canonical(value: Mapping[str, Any]) -> str:
    """The one text of a value: JSON with sorted keys and no spaces, what is hashed and what is shown."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _place(cursor: CursorWrapper, change: int | None) -> tuple[datetime, int | None]:
    """When it is, and the next number within the change.

    On PostgreSQL writers of one change wait for each other here, and so never meet in the unique constraint; on
    SQLite a transaction that writes is alone anyway.
    """
    if change is not None and connection.vendor == "postgresql":
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, change % 2**31])
    cursor.execute(
        f"SELECT {_NOW[connection.vendor]}, (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_event WHERE change = %s)",  # noqa: S608
        [change],
    )
    now, seq = cursor.fetchone()
    at = now if isinstance(now, datetime) else datetime.fromisoformat(now)
    return at, None if change is None else int(seq)


def _clean(value: Any) -> Any:
    """Plain JSON values only, masked where the key names a secret, storable on both engines."""
    if isinstance(value, Mapping):
        return {storable(str(name)): _unless_masked(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, str):
        return storable(value)
    raise TypeError(f"{type(value).__name__} has no place in the log")


def _unless_masked(name: str, value: Any) -> Any:
    """A flag or an emptiness may be told ("was it changed?"), a content never."""
    if _MASKED.search(name) and not isinstance(value, bool) and value not in (None, "", [], {}):
        return _MASK
    return _clean(value)


def storable(text: str) -> str:
    """The text as UTF-8, pages and both databases can hold it: no lone surrogate, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
