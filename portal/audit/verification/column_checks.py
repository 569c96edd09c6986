"""Comparison of the columns of an event with its text: they only help to find it, and must agree with it."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from json.encoder import encode_basestring as quoted

from portal.audit.entry import UnreadableEntry, parse_entry
from portal.audit.sealing.leaves import EventRow


def find_column_mismatches(row: EventRow) -> list[str]:
    """Return the columns that contradict the text; ["text"] for a text that the ledger did not write."""
    if has_canonical_columns(row):
        return []
    try:
        entry = parse_entry(row.text)
    except UnreadableEntry:
        return ["text"]
    names = [name for name in EventRow._fields[2:-1] if getattr(entry, name) != getattr(row, name)]
    return names if parse_instant(row.at) == entry.at else ["at", *names]


def parse_instant(at: str) -> datetime | None:
    """Parse the instant of a column; None if it is outside the range of Python's datetime."""
    try:
        return datetime.fromisoformat(at)
    except (TypeError, ValueError):
        return None


def has_canonical_columns(row: EventRow) -> bool:
    """Return whether the text begins and ends as the ledger writes these columns: ten times faster than parsing."""
    _, at, action, actor, change, seq, secret, http_status, text = row
    begin = f'{{"action":{quoted(action)},"actor":{quoted(actor)},"address":"'
    if not text.startswith(begin):
        return False
    middle = f'","at":"{at}","change":{_NULL if change is None else change},"data":{{'
    status = f'}},"http_status":{_NULL if http_status is None else http_status},"request":"'
    end = f',"secret":{_NULL if secret is None else secret},"seq":{_NULL if seq is None else seq},"v":1}}'
    # After `data` only the request id is text, and its quotes are escaped: the last such key is the event's own.
    return (
        text.startswith(middle, text.find('"', len(begin)))
        and text.startswith(status, text.rfind('},"http_status":'))
        and text.endswith(end)
        and len(at) == _LONG
    )


def all_have_canonical_columns(rows: list[EventRow]) -> bool:
    """Return whether has_canonical_columns() is true for all rows, with instants in the range of datetime."""
    try:
        deque(map(datetime.fromisoformat, [row.at for row in rows]), maxlen=0)
    except (TypeError, ValueError):
        return False
    return all(map(has_canonical_columns, rows))


_NULL = "null"
_LONG = len("2026-11-23T12:00:00.000000+00:00")
