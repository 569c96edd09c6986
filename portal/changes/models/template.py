"""Edits kept under a name, to be laid over the form of any secret: a person's own, or shared by an administrator.

Never a client secret, a name or an identifier code: each belongs to one secret alone.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right

MOST = 50
"""As many of one person as a list to choose from still can hold."""


class TemplateQuerySet(models.QuerySet["Template"]):
    def open_to(self, person: User) -> TemplateQuerySet:
        """What this person may lay over a form: their own, and what is shared."""
        return self.filter(Q(person=person) | Q(shared=True)).select_related("person").order_by("name", "pk")

    def erasable_by(self, person: User) -> TemplateQuerySet:
        """What this person may delete: their own; whoever operates the portal also what is shared."""
        shared = Q(shared=True) if roles.has_right(person, Right.OPERATE) else Q()
        return self.filter(Q(person=person) | shared)


class Template(models.Model):
    """A named set of edits. No act on a change, and so no event: what becomes of it is proposed and voted on."""

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

    objects = TemplateQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="template_name")]
        indexes = [models.Index(fields=["shared"], condition=Q(shared=True), name="template_shared")]
