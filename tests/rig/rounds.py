"""How often a fault is repeated: a few times in every test run, as often as the catalogue asks in `make faults`."""

from __future__ import annotations

import os
from typing import TypeVar

LONG = os.environ.get("FAULTS") == "long"
T = TypeVar("T")


def rounds(short: T, long: T) -> T:
    """Kills, seconds, examples: whatever is counted."""
    return long if LONG else short
