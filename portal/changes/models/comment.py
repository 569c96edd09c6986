"""Comments on a change, in threads; a comment is written once and never altered."""

from __future__ import annotations

from django.db import models

from portal.accounts.models import User

LONGEST = 4000
MOST = 500
"""Comments that one change accepts; its page shows all of them."""


class Comment(models.Model):
    """Comment on a change, or on one field of it; `parent` of a reply is the comment that opened the thread.

    `key` comes with the form, so that a form that is submitted twice creates one comment.
    """

    change = models.ForeignKey("changes.Change", on_delete=models.PROTECT, related_name="comments")
    revision = models.IntegerField(help_text="The revision that counted when it was said.")
    field = models.CharField(max_length=32, blank=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    mentions: models.JSONField[list[str]] = models.JSONField(help_text="Usernames, as they were then.")
    key = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        app_label = "changes"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["author", "key"], name="comment_once")]


class ResolvedThread(models.Model):
    """Thread of comments that is resolved, which pages fold. Reopening it deletes the row; the log keeps both."""

    comment = models.OneToOneField(
        Comment, on_delete=models.PROTECT, primary_key=True, related_name="resolved", help_text="It opened the thread."
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        app_label = "changes"
        default_permissions = ()
