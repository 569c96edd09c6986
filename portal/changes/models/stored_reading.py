"""Reading of a secret that stopped a change, stored so that pages and the log can show what was found."""

from __future__ import annotations

from typing import Any

from django.db import models


class StoredReading(models.Model):
    """Newest reading that left a change out of date or to an administrator; of a client secret only its fingerprint."""

    change = models.OneToOneField("changes.Change", on_delete=models.PROTECT, primary_key=True, related_name="+")
    fields: models.JSONField[dict[str, Any]] = models.JSONField(help_text="All visible fields, in the shape of a base.")
    secret_fingerprint = models.CharField(max_length=64, blank=True)
    read_at = models.DateTimeField()

    class Meta:
        app_label = "changes"
        default_permissions = ()
