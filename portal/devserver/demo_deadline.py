"""Short deadline of one secret of the sandbox, so that the demo shows an expired change within minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models.signals import pre_save

from portal.changes.models import Change

EXPIRING_SECRET = 35
DEADLINE = timedelta(seconds=45)


def connect_short_deadline() -> None:
    """Give changes of EXPIRING_SECRET the short deadline. Does nothing outside the demo."""
    if settings.PORTAL_DEMO:
        pre_save.connect(on_change_created, sender=Change, dispatch_uid="demo_short_deadline")


def on_change_created(instance: Change, **_: Any) -> None:
    """Shorten the deadline of a new change of the secret, before its row is written."""
    if instance._state.adding and instance.secret == EXPIRING_SECRET:  # noqa: SLF001 - documented by Django
        instance.expires_at = instance.created_at + DEADLINE
