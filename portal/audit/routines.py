"""Last runs of the sealer's periodic jobs, in a table that only the sealer's role may write."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from portal.audit.models import Routine

DATE, VERIFY, MAIL = "date", "verify", "mail"


def done_at(name: str) -> datetime | None:
    """Return when the job was last done; None if never, or if the stored time is in the future and so is false."""
    done = Routine.objects.filter(name=name).values_list("done_at", flat=True).first()
    return done if done is not None and done <= timezone.now() else None


def begun_at(name: str) -> datetime | None:
    """Return when the job was last begun; None if it has been done since, or if that time is in the future."""
    row = Routine.objects.filter(name=name).first()
    if row is None or row.begun_at is None or row.begun_at > timezone.now():
        return None
    return None if row.done_at and row.done_at >= row.begun_at else row.begun_at


def data_of(name: str) -> dict[str, Any]:
    """Return the stored data of the job, such as its progress."""
    return Routine.objects.filter(name=name).values_list("data", flat=True).first() or {}


def mark_begun(name: str, *, at: datetime) -> None:
    """Record that the job has begun."""
    Routine.objects.update_or_create(name=name, defaults={"begun_at": at})


def save_data(name: str, data: Mapping[str, Any]) -> None:
    """Store the progress of the job."""
    Routine.objects.update_or_create(name=name, defaults={"data": {**data}})


def mark_done(name: str, *, at: datetime, event: int | None = None, data: Mapping[str, Any] | None = None) -> None:
    """Record that the job is done, and which event of the log says so."""
    Routine.objects.update_or_create(name=name, defaults={"done_at": at, "event": event, "data": {**(data or {})}})
