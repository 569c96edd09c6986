"""Attempts: the calls of the update endpoint."""

from __future__ import annotations

import uuid

from django.db import models


class Attempt(models.Model):
    """Call of the update endpoint, recorded before it is made (B4). Its id is sent as X-Request-ID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    change = models.ForeignKey("changes.Change", on_delete=models.PROTECT, related_name="attempts")
    revision = models.IntegerField()
    fence = models.IntegerField()
    digest = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=24, blank=True, help_text="Code of the outcome, see vault.outcomes.")
    http_status = models.IntegerField(null=True)
    segura_error_code = models.IntegerField(null=True)
    message = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["started_at"]
        constraints = [models.UniqueConstraint(fields=["change", "fence"], name="attempt_change_fence")]
