"""Wrong client secrets entered for a retry, counted in rows: retention of the audit log must not reset the count."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class WrongValue(models.Model):
    """Entry of a wrong client secret for a retry of the change, with its time and never the value itself."""

    change = models.ForeignKey("changes.Change", on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "changes"
        default_permissions = ()
        indexes = [models.Index(fields=["change", "at"], name="wrong_value_change")]
