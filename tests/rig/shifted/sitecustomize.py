"""On PYTHONPATH this makes a Python process wrong about the time of day, by CLOCK_SHIFT_S seconds.

The monotonic clock stays right, as it does when somebody sets the clock of a machine.
"""

from __future__ import annotations

import datetime
import os
import time
from typing import Any

_SHIFT_S = float(os.environ.get("CLOCK_SHIFT_S", "0"))
_time, _time_ns = time.time, time.time_ns


class _AnyDatetime(type):
    """The driver's own datetimes are datetimes too."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _datetime)


_datetime = datetime.datetime


class _Shifted(_datetime, metaclass=_AnyDatetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _datetime.now(tz) + datetime.timedelta(seconds=_SHIFT_S)

    @classmethod
    def utcnow(cls) -> Any:
        return _datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=_SHIFT_S)


if _SHIFT_S:
    time.time = lambda: _time() + _SHIFT_S
    time.time_ns = lambda: _time_ns() + int(_SHIFT_S * 1e9)
    datetime.datetime = _Shifted  # type: ignore[misc]
