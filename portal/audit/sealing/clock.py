"""Time that a checkpoint is signed with: the time of the process with the key, if the database time agrees."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

_APART = timedelta(minutes=1)


class ClocksDiffer(Exception):
    """A difference of over a minute to the database time. A signed time cannot be revoked, so nothing is signed."""


def signing_time() -> datetime:
    """Return the time of this process, in whole seconds. Raises ClocksDiffer.

    The database time is not used for signing: a role that owns the tables could make leaves look older than they are.
    """
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there = cursor.fetchone()[0]
    if abs(there - now) > _APART:
        raise ClocksDiffer(
            f"Nothing is sealed: it is {now:%Y-%m-%d %H:%M:%S} UTC here, and {there:%Y-%m-%d %H:%M:%S} in the database."
            " Set both clocks by NTP."
        )
    return now.replace(microsecond=0)
