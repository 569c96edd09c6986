"""The circuit breaker and the manual pause of delivery."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from portal.accounts.models import User


class CircuitBreaker(models.Model):
    """State of the circuit breaker and of the manual pause: one row for all workers, written by `circuit_breaker`."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    failures = models.IntegerField(default=0, help_text="Calls in a row that did not get through.")
    opened_at = models.DateTimeField(null=True, help_text="Paused since.")
    probe_at = models.DateTimeField(null=True, help_text="When the next change may be tried.")
    probes = models.SmallIntegerField(
        default=0, db_default=0, help_text="Changes tried in vain since delivery is paused."
    )
    http_status = models.IntegerField(null=True, help_text="Of the newest failure.")
    reason = models.TextField(blank=True)
    next_slot_at = models.DateTimeField(null=True, help_text="When the next change may go, where delivery has a cap.")
    paused_at = models.DateTimeField(null=True, help_text="Paused by a person since.")
    paused_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    pause_reason = models.TextField(blank=True, db_default="")

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="circuit_breaker_one_row")]
