"""What the log has been counted to, for metrics; and which keys were first met when."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Tally(models.Model):
    """Counts of the log's events up to one of them: a single row for all processes. See tally."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    counted = models.BigIntegerField(help_text="The newest event that is in the counts.")
    counts = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="tally_one_row")]


class KnownKey(models.Model):
    """A sealing key by its id, never its value, and when a worker first started with it on its ring."""

    name = models.CharField(max_length=32, primary_key=True)
    first_seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
