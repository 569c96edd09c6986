"""Counters of audit events for metrics, and the first use of each encryption key."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class EventCounter(models.Model):
    """Counts of audit events up to one event: a single row for all processes. See event_counters."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    counted = models.BigIntegerField(help_text="The newest event that is in the counts.")
    counts = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="event_counter_one_row")]


class KnownKey(models.Model):
    """Encryption key by its id, never its value, and when a worker first started with it on its ring."""

    name = models.CharField(max_length=32, primary_key=True)
    first_seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
