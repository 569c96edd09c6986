"""Reading the log is on record as well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.accounts.decorators import UserRequest
from portal.audit.ledger import record_event
from portal.audit.models import Event
from portal.common.prepared import Given, Prepared

_ONE_READING = timedelta(hours=1)
_NEWEST = Prepared(lambda: Event.objects.filter(actor=Given("by")).values_list("text")[:1])


def record_log_view(request: UserRequest, view: str, **what: Any) -> None:
    """Put a reading on record; the next page of the same, or the same once more, is the same reading."""
    by, data = request.user.username, {"view": view, **what}
    newest = [Event(text=text) for (text,) in _NEWEST.rows(by=by)]
    before = newest[0].entry if newest else None
    if before and before.action == "audit.read" and before.data == data and timezone.now() - before.at < _ONE_READING:
        return
    record_event("audit.read", by=by, data=data)
