"""Templates: named edits that prefill the form of any secret; private to a user, or shared by an administrator.

A template never holds a client secret, a name or an identifier code: each of these belongs to one secret alone.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right

MOST = 50
"""Templates that one user may have; more would make the list of choices too long."""


class ChangeTemplateQuerySet(models.QuerySet["ChangeTemplate"]):
    def open_to(self, person: User) -> ChangeTemplateQuerySet:
        """Return the templates that the user may apply: their own and the shared ones."""
        return self.filter(Q(person=person) | Q(shared=True)).select_related("person").order_by("name", "pk")

    def erasable_by(self, person: User) -> ChangeTemplateQuerySet:
        """Return the templates that the user may delete: their own; for an administrator the shared ones too."""
        shared = Q(shared=True) if roles.has_right(person, Right.OPERATE) else Q()
        return self.filter(Q(person=person) | shared)


class ChangeTemplate(models.Model):
    """Named set of edits. It touches no change and records no event: its use leads to a proposal that needs votes."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    shared = models.BooleanField(default=False)
    patch: models.JSONField[dict[str, Any]] = models.JSONField(help_text="As Revision.patch.")
    base: models.JSONField[dict[str, Any] | None] = models.JSONField(
        null=True, help_text="What the fields of the patch held where it comes from; null where that was not known."
    )
    reason = models.TextField(blank=True)
    ticket = models.CharField(max_length=100, blank=True)
    updated_at = models.DateTimeField()

    objects = ChangeTemplateQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="change_template_name")]
        indexes = [models.Index(fields=["shared"], condition=Q(shared=True), name="change_template_shared")]
