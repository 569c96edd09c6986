"""Commands of requesters on drafts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.accounts.limits import count_act
from portal.accounts.models import User
from portal.changes.models.draft import _LIFETIME, Draft


def save_draft(
    *, by: User, secret: int, name: str, patch: Mapping[str, Any], base: Mapping[str, Any] | None, words: dict[str, str]
) -> Draft:
    """Save what the user has typed, in place of an earlier draft of this secret; delete all users' expired drafts.

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
    """Delete the user's draft of this secret, if there is one."""
    Draft.objects.filter(person=by, secret=secret).delete()


def delete_expired_drafts(now: datetime) -> int:
    """Delete the drafts of all users that are older than the lifetime of a draft, and return their number."""
    return Draft.objects.filter(updated_at__lt=now - _LIFETIME).delete()[0]
