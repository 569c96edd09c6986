"""Proposals that nobody has previewed yet: one per person and secret, seen by that person alone, gone after a month.

Never a client secret: what somebody has not decided to propose is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from portal.accounts.limits import count_act
from portal.accounts.models import User

_LIFETIME = timedelta(days=30)


class DraftQuerySet(models.QuerySet["Draft"]):
    def of(self, person: User) -> DraftQuerySet:
        """This person's own, but for those that are too old."""
        return self.filter(person=person, updated_at__gte=timezone.now() - _LIFETIME)


class Draft(models.Model):
    """What a person has typed into the form of a secret, to go on with later. No act on a change, and so no event."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    secret = models.BigIntegerField()
    secret_name = models.CharField(max_length=500)
    patch: models.JSONField[dict[str, Any]] = models.JSONField(help_text="As Revision.patch.")
    base: models.JSONField[dict[str, Any] | None] = models.JSONField(
        null=True, help_text="What the fields of the patch held then; null where that could not be read."
    )
    reason = models.TextField(blank=True)
    ticket = models.CharField(max_length=100, blank=True)
    updated_at = models.DateTimeField()

    objects = DraftQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "secret"], name="draft_one_per_secret")]
        indexes = [models.Index(fields=["updated_at"], name="draft_age")]


def save_draft(
    *, by: User, secret: int, name: str, patch: Mapping[str, Any], base: Mapping[str, Any] | None, words: dict[str, str]
) -> Draft:
    """Keep what `by` has typed, in the place of an earlier draft of the same secret; what is too old goes, anybody's.

    `words`: reason and ticket. Raises LimitReached.
    """
    now = timezone.now()
    then = {field: base[field] for field in patch} if base is not None else None
    kept = {"secret_name": name, "patch": dict(patch), "base": then, "updated_at": now, **words}
    with transaction.atomic():
        count_act(by, "draft")
        delete_expired_drafts(now)
        return Draft.objects.update_or_create(person=by, secret=secret, defaults=kept)[0]


def discard_draft(*, by: User, secret: int) -> None:
    """Erase the draft of this secret, if there is one."""
    Draft.objects.filter(person=by, secret=secret).delete()


def delete_expired_drafts(now: datetime) -> int:
    """What is too old goes; how many those were."""
    return Draft.objects.filter(updated_at__lt=now - _LIFETIME).delete()[0]
