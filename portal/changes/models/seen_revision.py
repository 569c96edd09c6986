"""Revisions that users have seen: the newest one of each change whose difference was served to the user."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from portal.accounts.models import User


class SeenRevision(models.Model):
    """Newest revision of a change whose difference was served to a user, and the one that was newest before it."""

    change = models.ForeignKey("changes.Change", on_delete=models.PROTECT, related_name="+", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    revision = models.IntegerField()
    previous = models.IntegerField(null=True, help_text="The newest revision seen before that one.")
    seen_at = models.DateTimeField(db_default=Now(), help_text="When `revision` was first served.")
    previous_at = models.DateTimeField(null=True, help_text="When `previous` was first served.")

    class Meta:
        app_label = "changes"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["change", "user"], name="seen_revision_once")]


def record_seen(change_id: int, *, user: User, revision: int, seen: SeenRevision | None) -> None:
    """Store that the difference of this revision was served to the user. `seen`: the stored row; None if there is none.

    An older revision never replaces a newer one, also if two pages are served at once.
    """
    if seen is None:
        SeenRevision.objects.bulk_create(
            [SeenRevision(change_id=change_id, user=user, revision=revision)], ignore_conflicts=True
        )
    elif seen.revision < revision:
        SeenRevision.objects.filter(pk=seen.pk, revision__lt=revision).update(
            previous=F("revision"), previous_at=F("seen_at"), revision=revision, seen_at=Now()
        )
