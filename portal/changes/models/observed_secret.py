"""Values of secrets as Countersign last observed them in Segura: by a read at review, or by a change it applied."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime

from portal.changes.models.seen_revision import MARK_SEEN, Shown

if TYPE_CHECKING:
    from portal.changes.models.change import Change


class ObservedSecret(models.Model):
    """Newest known values of one API secret, each with the time it was observed; no client secret, its fingerprint.

    The row is only written under its lock, by `record_values`, except for `requested_at`.
    """

    secret = models.BigIntegerField(primary_key=True)
    values: models.JSONField[dict[str, Any]] = models.JSONField(
        default=dict, help_text="Field -> {value, at, change}: change is the id of the change that set it, else null."
    )
    requested_at = models.DateTimeField(null=True, help_text="When a read at review was last requested.")
    checked_at = models.DateTimeField(null=True, help_text="When the secret was last read at review.")
    failure = models.CharField(max_length=20, blank=True, help_text="Why the newest read failed: a FailureKind.")
    updated_at = models.DateTimeField(null=True, help_text="When values, check or failure last changed.")

    class Meta:
        app_label = "changes"
        default_permissions = ()


def observed_json() -> Subquery:
    """Return the row of a change's secret as a JSON object, for a query of changes; see observed_of."""
    columns = ("values", "requested_at", "checked_at", "failure", "updated_at")
    row = JSONObject(**{name: F(name) for name in columns})
    return Subquery(ObservedSecret.objects.filter(pk=OuterRef("secret")).order_by().annotate(row=row).values("row"))


def observed_of(change: Change) -> ObservedSecret | None:
    """Return the row of the change's secret, from a query with `observed=observed_json()`; None if there is none."""
    found: dict[str, Any] | None = change.observed  # type: ignore[attr-defined]
    if found is None:
        return None
    instants = {name: parse_datetime(found[name] or "") for name in ("requested_at", "checked_at", "updated_at")}
    return ObservedSecret(secret=change.secret, values=found["values"], failure=found["failure"], **instants)


def record_values(
    secret: int, values: Mapping[str, Any], *, at: datetime, now: datetime, change: int | None = None
) -> None:
    """Store values observed at `at`, unless newer ones are stored. `change`: the change that set them, None for a read.

    Requires a transaction. Two observations of one secret wait for each other by the lock of the row.
    """
    row = _lock_row(secret)
    instant = at.isoformat()
    newer = {
        name: {"value": value, "at": instant, "change": change}
        for name, value in values.items()
        if name not in row.values or datetime.fromisoformat(row.values[name]["at"]) <= at
    }
    checked_at = at if change is None else row.checked_at
    ObservedSecret.objects.filter(pk=secret).update(
        values={**row.values, **newer}, checked_at=checked_at, failure="", updated_at=now
    )


def record_failure(secret: int, kind: str, *, now: datetime) -> None:
    """Store that a read at review failed, and why."""
    ObservedSecret.objects.filter(pk=secret).update(failure=kind, updated_at=now)


def _lock_row(secret: int) -> ObservedSecret:
    ObservedSecret.objects.bulk_create([ObservedSecret(secret=secret)], ignore_conflicts=True)
    return ObservedSecret.objects.select_for_update().get(pk=secret)


_CLAIM = """
INSERT INTO changes_observedsecret (secret, values, failure, requested_at) VALUES (%s, '{}', '', clock_timestamp())
ON CONFLICT (secret) DO UPDATE SET requested_at = EXCLUDED.requested_at
WHERE coalesce(changes_observedsecret.requested_at <= EXCLUDED.requested_at - make_interval(secs => %s), true)
RETURNING secret
"""


def claim_read(secret: int, *, every: timedelta, shown: Shown | None = None) -> bool:
    """Return True to one caller per time `every` and secret, who may then read it; PostgreSQL decides which.

    `shown`: a revision that was served to a user, which is stored by the same statement.
    """
    seen, ids = (f"WITH seen AS ({MARK_SEEN})", list(shown)) if shown else ("", [])
    with connection.cursor() as cursor:
        cursor.execute(f"{seen} {_CLAIM}", [*ids, secret, every.total_seconds()])
        return cursor.fetchone() is not None
