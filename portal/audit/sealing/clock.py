"""The time a checkpoint is signed with: that of the process with the key, where the database's clock says the same."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

_APART = timedelta(minutes=1)


class ClocksDiffer(Exception):
    """This process and the database do not agree on the time. A wrong time can never be unsigned, so none is signed."""


def signing_time() -> datetime:
    """Return the time of this process, in whole seconds. Raises ClocksDiffer.

    Not the database's: who owns the tables could make leaves look older than they are.
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
