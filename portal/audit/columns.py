"""The columns of an event beside its text: they only help to find it, so they must say what the text says."""

from __future__ import annotations

from datetime import datetime
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from portal.audit.entry import Unreadable, parse


class Row(NamedTuple):
    """An event as the table has it; Row._fields is what to ask the table for."""

    id: int
    at: datetime
    action: str
    actor: str
    change: int | None
    seq: int | None
    secret: int | None
    code: int | None
    text: str


def differing(row: Row) -> list[str]:
    """The columns that say something else than the text; "text" for one the ledger did not write."""
    if _as_written(row):
        return []
    try:
        entry = parse(row.text)
    except Unreadable:
        return ["text"]
    return [name for name in Row._fields[1:-1] if getattr(entry, name) != getattr(row, name)]


def _as_written(row: Row) -> bool:
    """Whether the text begins and ends as the ledger writes these columns: ten times quicker than reading it."""
    text = row.text
    begin = f'{{"action":{quoted(row.action)},"actor":{quoted(row.actor)},"address":"'
    if not text.startswith(begin):
        return False
    instant = row.at.isoformat(timespec="microseconds")
    middle = f'","at":"{instant}","change":{_json(row.change)},"code":{_json(row.code)},"data":{{'
    end = f',"secret":{_json(row.secret)},"seq":{_json(row.seq)},"v":1}}'
    return text.startswith(middle, text.find('"', len(begin))) and text.endswith(end)


def _json(number: int | None) -> str:
    return "null" if number is None else str(number)
