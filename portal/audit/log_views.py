"""Record of views of the log: reading the log is an event as well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.accounts.decorators import UserRequest
from portal.audit.ledger import record_event
from portal.audit.models import Event

_ONE_READING = timedelta(hours=1)


def record_log_view(request: UserRequest, view: str, **what: Any) -> None:
    """Record that a user read the log.

    Records nothing if the newest event of the user is the same view, less than an hour old: further pages of a list
    belong to the same view.
    """
    by, data = request.user.username, {"view": view, **what}
    newest = Event.objects.filter(actor=by).first()
    before = newest.entry if newest else None
    if before and before.action == "audit.read" and before.data == data and timezone.now() - before.at < _ONE_READING:
        return
    record_event("audit.read", by=by, data=data)
