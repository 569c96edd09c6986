"""Lock per user, for limits that count rows before they add one."""

from __future__ import annotations

from django.db import connection

from portal.accounts.models import User

_LOCK_CLASS = 0x5553  # "US": keeps these advisory locks apart from others


def lock_user(user: User) -> None:
    """Take the lock of this user and keep it until the transaction ends; wait while another transaction has it.

    Without it, parallel requests count the same rows and exceed the limit together. It is an advisory lock, because a
    row lock on the account would wait for every row that refers to the account.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, user.pk % 2**31])
