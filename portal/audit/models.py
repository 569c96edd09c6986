"""The event: one line of the log, whole in `text`; the other columns only help to find it."""

from django.db import models


class Event(models.Model):
    """What happened. Written by ledger.record() alone; the database refuses to change or delete it.

    People, secrets and changes are named by id and text, never by foreign key: history outlives its subjects.
    """

    at = models.DateTimeField()
    action = models.CharField(max_length=64)
    actor = models.CharField(max_length=150, blank=True)
    change = models.BigIntegerField(null=True)
    seq = models.IntegerField(null=True)
    secret = models.BigIntegerField(null=True)
    code = models.IntegerField(null=True)
    text = models.TextField()

    class Meta:
        default_permissions = ()
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["change", "seq"], name="event_change_seq")]
        indexes = [
            models.Index(fields=["actor", "-id"], name="event_actor"),
            models.Index(fields=["secret", "-id"], name="event_secret"),
            models.Index(fields=["action", "-id"], name="event_action"),
            models.Index(fields=["code", "-id"], name="event_code"),
            models.Index(fields=["at", "id"], name="event_at"),
        ]
