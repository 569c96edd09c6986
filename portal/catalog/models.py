"""The mirror of Segura's list, and how each synchronisation went."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class SecretQuerySet(models.QuerySet["ApiSecret"]):
    def present(self) -> SecretQuerySet:
        """Those Segura still lists."""
        return self.filter(vanished_at=None)

    def matching(self, text: str) -> SecretQuerySet:
        """By name, or by identifier where the text is a number."""
        found = Q(name__icontains=text)
        return self.filter(found | Q(identifier=int(text)) if text.isdecimal() and len(text) < 19 else found)


class ApiSecret(models.Model):
    """One row of Segura's list (contract 5.1). A secret that vanished from it is marked, never deleted."""

    identifier = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=500)
    can_view = models.BooleanField()
    can_write = models.BooleanField()
    need_justify = models.BooleanField()
    need_approval = models.BooleanField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    vanished_at = models.DateTimeField(null=True)

    objects = SecretQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["name", "identifier"], name="secret_name")]

    def __str__(self) -> str:
        return self.name


class Sync(models.Model):
    """One synchronisation: when, by whom ('' for the schedule), and how it went."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=150, blank=True)
    ok = models.BooleanField(null=True)
    listed = models.IntegerField(default=0)
    added = models.IntegerField(default=0)
    vanished = models.IntegerField(default=0)
    code = models.IntegerField(null=True)
    message = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
