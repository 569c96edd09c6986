"""The only writer of the audit log.

An event is written in the caller's transaction, so that an action and its event are committed or rolled back together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.db import connection, transaction

from portal.accounts import request_origin
from portal.audit import access_index, actions

_MASK = "****"
_MASKED = re.compile(r"client.?secret|sealed|encrypted|passw|token|authorization|cookie", re.IGNORECASE)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_APPEND = """
    SELECT audit_append(
        %(action)s, %(actor)s, %(address)s, %(change)s, %(http_status)s, %(data)s, %(request)s, %(secret)s
    )
"""
"""One round trip to the database, which alone determines the time and the next number within the change.

The function `audit_append` (0002_triggers) writes the keys of the text in the same order as canonical_json().
"""
_LOCK_CLASS = 0x4155  # "AU", as in 0002_triggers: separates these advisory locks from those of other code


def record_event(
    action: str,
    *,
    by: str = "",
    change: int | None = None,
    secret: int | None = None,
    http_status: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Append one event and return its id.

    `action` is one of actions.ACTIONS; `by` is the username of the acting user ('' for the portal itself); `change` is
    the id of the change, within which the event is numbered; `http_status` is that of Segura's response; `data` holds
    text, int, bool, None, lists and mappings of these. A value under a key that names a secret is masked, unless it is
    a bool or empty. The time is the database time. Raises DatabaseError if the log cannot be written: the caller
    must then do nothing else. Raises UnknownAction and TypeError for wrong arguments.
    """
    actions.require_known_action(action)
    where, clean = request_origin.current_origin(), _clean(data or {})
    values = {
        "action": action, "actor": to_storable_text(by), "address": where.address, "change": change,
        "http_status": http_status, "data": canonical_json(clean), "request": where.request_id, "secret": secret,
    }  # fmt: skip
    # No savepoint: a log that cannot be written must take the caller's transaction down with it. Outside a transaction
    # the statement is its own.
    with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
        cursor.execute(_APPEND, values)
        event = int(cursor.fetchone()[0])
        if action in access_index.PROPOSED and secret is not None:
            access_index.add_subjects(secret, clean)
    return event


def lock_numbering(change: int) -> None:
    """Lock the numbering of a change: no other session adds an event of it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, change % 2**31])


def canonical_json(value: Mapping[str, Any]) -> str:
    """Return the canonical text of a value, which is hashed and shown: JSON with sorted keys and no spaces."""
    return _CANONICAL.encode(value)


def _clean(value: Any) -> Any:
    """Convert to JSON values that PostgreSQL can store, masked if the key names a secret. Raises TypeError."""
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
    """Mask a value whose key names a secret. Flags and empty values stay ("was it changed?"), contents never."""
    if _names_a_secret(name) and not isinstance(value, bool) and value not in (None, "", [], {}):
        return _MASK
    return _clean(value)


@lru_cache
def _names_a_secret(name: str) -> bool:
    return _MASKED.search(name) is not None


def to_storable_text(text: str) -> str:
    """Replace what UTF-8, pages and PostgreSQL cannot store: lone surrogates and NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
