"""record(): the only writer of the log.

It runs in the caller's transaction, so that an act and its event live or die together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from portal.accounts import origin
from portal.audit import events

_MASK = "****"
_MASKED = re.compile(r"client.?secret|sealed|passw|token|authorization|cookie", re.IGNORECASE)
_INSTANT = {  # as the column keeps it, and as the text says it
    "postgresql": ("clock_timestamp()", "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00')"),
    "sqlite": ("strftime('%%Y-%%m-%%d %%H:%%M:%%f000', 'now')", "replace(at, ' ', 'T') || '+00:00'"),
}
_APPEND = """
    INSERT INTO audit_event (at, action, actor, change, seq, secret, code, text)
    SELECT at, %s, %s, %s, seq, %s, %s, %s || {said} || %s || COALESCE(CAST(seq AS text), 'null') || %s
    FROM (SELECT {now} AS at, {next_seq} AS seq) AS place
    RETURNING id
"""
_NEXT_SEQ = "(SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_event WHERE change = %s)"
_ALONE = "SELECT pg_advisory_xact_lock(%s, %s);"
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
    where = origin.current()
    actor = storable(by)
    begin = canonical({"action": action, "actor": actor, "address": where.address})[:-1] + ',"at":"'
    middle = {"change": change, "code": code, "data": clean, "request": where.request_id, "secret": secret}
    text = (begin, '",' + canonical(middle)[1:-1] + ',"seq":', ',"v":1}')
    # No savepoint: a log that cannot be written must take the caller's transaction down with it.
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        return _append(cursor, change, [action, actor, change, secret, code, *text])


def hold_numbering(change: int) -> None:
    """Nobody else adds an event of this change until the transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_ALONE, [_LOCK_CLASS, change % 2**31])


def canonical(value: Mapping[str, Any]) -> str:
    """The one text of a value: JSON with sorted keys and no spaces, what is hashed and what is shown."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _append(cursor: CursorWrapper, change: int | None, values: list[Any]) -> int:
    """The row in one exchange with the database, which alone knows the time and the next number within the change.

    On PostgreSQL writers of one change wait for each other first, and so never meet in the unique constraint; on
    SQLite a transaction that writes is alone anyway.
    """
    now, said = _INSTANT[connection.vendor]
    statement = _APPEND.format(now=now, said=said, next_seq="CAST(NULL AS integer)" if change is None else _NEXT_SEQ)
    if change is None:
        cursor.execute(statement, values)
    elif connection.vendor == "postgresql":  # one after the other, so that the second sees what the first waited for
        cursor.execute(_ALONE + statement, [_LOCK_CLASS, change % 2**31, *values, change])
        cursor.nextset()
    else:
        cursor.execute(statement, [*values, change])
    return int(cursor.fetchone()[0])


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
