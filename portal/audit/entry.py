"""What an event says: read back from its canonical text, the only column that is hashed and so the only one shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


class UnreadableEntry(ValueError):
    """The text was not written by the ledger: somebody reached past it."""


@dataclass(frozen=True)
class Entry:
    """One event in Python's words. `at` is in UTC; `actor` and `address` are '' for the machine."""

    at: datetime
    action: str
    actor: str
    address: str
    request: str
    change: int | None
    seq: int | None
    secret: int | None
    code: int | None
    data: dict[str, Any]


def parse_entry(text: str) -> Entry:
    """The entry a canonical text holds. Raises Unreadable."""
    try:
        fields = json.loads(text)
        del fields["v"]
        entry = Entry(**{**fields, "at": datetime.fromisoformat(fields["at"])})
        if entry.at.utcoffset() != timedelta(0):
            raise ValueError("not in UTC")
        return entry
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableEntry(f"not an event of the ledger: {type(error).__name__}") from None
