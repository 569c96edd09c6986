"""When the sealer did last what it does now and then: in a table that nobody else may write."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from portal.audit.models import Routine

DATE, VERIFY, MAIL = "date", "verify", "mail"


def done_at(name: str) -> datetime | None:
    """When it was done last; None for never, and for a time that is yet to come, which no clock has said."""
    done = Routine.objects.filter(name=name).values_list("done_at", flat=True).first()
    return done if done is not None and done <= timezone.now() else None


def begun_at(name: str) -> datetime | None:
    """When it was begun last, if it has not been done since."""
    row = Routine.objects.filter(name=name).first()
    if row is None or row.begun_at is None or row.begun_at > timezone.now():
        return None
    return None if row.done_at and row.done_at >= row.begun_at else row.begun_at


def data_of(name: str) -> dict[str, Any]:
    """How far it is, or what else there is to know of it."""
    return Routine.objects.filter(name=name).values_list("data", flat=True).first() or {}


def mark_begun(name: str, *, at: datetime) -> None:
    """It is being done."""
    Routine.objects.update_or_create(name=name, defaults={"begun_at": at})


def save_data(name: str, data: Mapping[str, Any]) -> None:
    """How far it is."""
    Routine.objects.update_or_create(name=name, defaults={"data": {**data}})


def mark_done(name: str, *, at: datetime, event: int | None = None, data: Mapping[str, Any] | None = None) -> None:
    """It has been done, as this event of the log says."""
    Routine.objects.update_or_create(name=name, defaults={"done_at": at, "event": event, "data": {**(data or {})}})
