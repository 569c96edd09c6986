"""Revisions that users have seen: the newest one of each change whose difference was served to the user."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection, models
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


class Shown(NamedTuple):
    """Revision whose difference was served to a user: ids of change and user, and the number of the revision."""

    change: int
    user: int
    revision: int


MARK_SEEN = """
INSERT INTO changes_seenrevision AS kept (change_id, user_id, revision) VALUES (%s, %s, %s)
ON CONFLICT (change_id, user_id) DO UPDATE SET
    previous = kept.revision, previous_at = kept.seen_at, revision = EXCLUDED.revision, seen_at = EXCLUDED.seen_at
WHERE kept.revision < EXCLUDED.revision
"""
"""Statement with the values of a Shown. An older revision never replaces a newer one."""


def record_seen(shown: Shown) -> None:
    """Store that the difference of a revision was served to a user."""
    with connection.cursor() as cursor:
        cursor.execute(MARK_SEEN, shown)
