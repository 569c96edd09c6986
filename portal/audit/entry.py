"""The parsed event, read from its canonical text: the only column that is hashed, and so the only one that is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


class UnreadableEntry(ValueError):
    """A text that the ledger did not write: it was added or modified outside the portal."""


@dataclass(frozen=True)
class Entry:
    """The fields of one event. `at` is in UTC; `actor` and `address` are '' if the portal itself acted."""

    at: datetime
    action: str
    actor: str
    address: str
    request: str
    change: int | None
    seq: int | None
    secret: int | None
    http_status: int | None
    data: dict[str, Any]


def parse_entry(text: str) -> Entry:
    """Parse the canonical text of an event. Raises UnreadableEntry."""
    try:
        fields = json.loads(text)
        del fields["v"]
        entry = Entry(**{**fields, "at": datetime.fromisoformat(fields["at"])})
        if entry.at.utcoffset() != timedelta(0):
            raise ValueError("not in UTC")
        return entry
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableEntry(f"not an event of the ledger: {type(error).__name__}") from None
