"""A lock for each user, for limits that count rows before they add one."""

from __future__ import annotations

from django.db import connection

from portal.accounts.models import User

_LOCK_CLASS = 0x5553  # "US": keeps these advisory locks apart from those of others


def lock_user(user: User) -> None:
    """Wait until no other transaction holds the lock of this user, and hold it until this one ends.

    Without it, requests side by side count the same rows and exceed the limit together. An advisory lock, because a row
    lock on the account would wait for everything that refers to it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, user.pk % 2**31])
