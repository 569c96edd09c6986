"""Subscriptions of users to single changes: watching or muted. Notifications follow them."""

from __future__ import annotations

from django.db import models
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User


class ChangeSubscription(models.Model):
    """Choice of a user for one change; without a row the usual recipients apply."""

    class Level(models.TextChoices):
        WATCHING = "watching", _("Watching")
        MUTED = "muted", _("Muted")

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    change = models.ForeignKey("changes.Change", on_delete=models.CASCADE, related_name="+")
    level = models.CharField(max_length=8, choices=Level)

    class Meta:
        app_label = "changes"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["change", "person"], name="subscription_change_person")]


def level_of(reader: User) -> Subquery:
    """Return the level that the reader chose for each change of the outer query, NULL for none."""
    chosen = ChangeSubscription.objects.filter(change=OuterRef("pk"), person=reader)
    return Subquery(chosen.values("level")[:1])
