"""Receivers of signals: a user who opens a change has read its notifications."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from portal.accounts.models import User
from portal.changes.signals import change_opened
from portal.notifications import inbox


@receiver(change_opened, dispatch_uid="read_with_the_change")
def on_change_opened(change_id: int, user: User, **_: Any) -> None:
    """Mark the user's notifications about this change as read, before the page counts the unread ones."""
    inbox.mark_change_read(user, change_id)
