"""record(): the only writer of the log.

It runs in the caller's transaction, so that an act and its event live or die together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import connection, transaction

from portal.accounts import request_origin
from portal.audit import actions

_MASK = "****"
_MASKED = re.compile(r"client.?secret|sealed|passw|token|authorization|cookie", re.IGNORECASE)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_APPEND = """
    SELECT audit_append(%(action)s, %(actor)s, %(address)s, %(change)s, %(code)s, %(data)s, %(request)s, %(secret)s)
"""
"""One exchange with the database, which alone knows the time and the next number within the change: 0002_triggers.

Written as canonical() writes: the keys of the text are in their order there.
"""
_LOCK_CLASS = 0x4155  # "AU", as in 0002_triggers: keeps these advisory locks apart from those of others


def record_event(
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
    actions.require_known_action(action)
    where = request_origin.current_origin()
    values = {
        "action": action, "actor": to_storable_text(by), "address": where.address, "change": change, "code": code,
        "data": canonical_json(_clean(data or {})), "request": where.request_id, "secret": secret,
    }  # fmt: skip
    # No savepoint: a log that cannot be written must take the caller's transaction down with it. Outside of one the
    # statement is a transaction.
    with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
        cursor.execute(_APPEND, values)
        return int(cursor.fetchone()[0])


def lock_numbering(change: int) -> None:
    """Nobody else adds an event of this change until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, change % 2**31])


def canonical_json(value: Mapping[str, Any]) -> str:
    """The one text of a value: JSON with sorted keys and no spaces, what is hashed and what is shown."""
    return _CANONICAL.encode(value)


def _clean(value: Any) -> Any:
    """Plain JSON values only, masked where the key names a secret, that PostgreSQL can store."""
    if isinstance(value, Mapping):
        return {to_storable_text(str(name)): _unless_masked(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, str):
        return to_storable_text(value)
    raise TypeError(f"{type(value).__name__} has no place in the log")


def _unless_masked(name: str, value: Any) -> Any:
    """A flag or an emptiness may be told ("was it changed?"), a content never."""
    if _names_a_secret(name) and not isinstance(value, bool) and value not in (None, "", [], {}):
        return _MASK
    return _clean(value)


@lru_cache
def _names_a_secret(name: str) -> bool:
    return _MASKED.search(name) is not None


def to_storable_text(text: str) -> str:
    """The text as UTF-8, pages and PostgreSQL can hold it: no lone surrogate, no NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
