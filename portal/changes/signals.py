"""Signals of the changes app: other apps listen to them, so that changes imports none of these apps."""

from __future__ import annotations

from django.dispatch import Signal

change_opened = Signal()
"""Sent with `change_id` and `user` when a user opens a change, on its page or beside the queue."""
