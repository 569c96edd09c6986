"""Drafts: proposals before their preview, one per user and secret, visible to that user alone, for 30 days.

A draft never holds a client secret: a value that its user has not decided to propose is not stored.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from portal.accounts.models import User

_LIFETIME = timedelta(days=30)


class DraftQuerySet(models.QuerySet["Draft"]):
    def of(self, person: User) -> DraftQuerySet:
        """Return the drafts of this user that are not older than _LIFETIME."""
        return self.filter(person=person, updated_at__gte=timezone.now() - _LIFETIME)


class Draft(models.Model):
    """Input of a user in the form of a secret, to continue later. It touches no change, so it records no event."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    secret = models.BigIntegerField()
    secret_name = models.CharField(max_length=500)
    patch: models.JSONField[dict[str, Any]] = models.JSONField(help_text="As Revision.patch.")
    base: models.JSONField[dict[str, Any] | None] = models.JSONField(
        null=True, help_text="What the fields of the patch held then; null where that could not be read."
    )
    reason = models.TextField(blank=True)
    ticket = models.CharField(max_length=100, blank=True)
    tab = models.CharField(max_length=36, blank=True, db_default="", help_text="The open page that saved it by itself.")
    saves = models.IntegerField(default=0, db_default=0, help_text="How often that page has saved it.")
    updated_at = models.DateTimeField()

    objects = DraftQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "secret"], name="draft_one_per_secret")]
        indexes = [models.Index(fields=["updated_at"], name="draft_age")]

    @property
    def version(self) -> str:
        """Version of the draft; a page that was opened with another one does not overwrite it by itself."""
        return f"{self.tab}.{self.saves}"
