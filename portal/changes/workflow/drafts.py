"""Commands of requesters on drafts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.accounts.limits import count_act
from portal.accounts.models import User
from portal.changes.models.draft import _LIFETIME, Draft

_COLUMNS = ("secret", "secret_name", "patch", "base", "reason", "ticket", "tab", "saves")


class NewerDraft(Exception):
    """Another page has saved a draft of this secret that this page has not shown."""


@dataclass(frozen=True)
class PageVersion:
    """Version of an automatic save: the id of the open page, its number of saves, and the draft it was opened with."""

    tab: str
    saves: int
    opened_with: str


def save_draft(
    *,
    by: User,
    secret: int,
    name: str,
    patch: Mapping[str, Any],
    base: Mapping[str, Any] | None,
    words: dict[str, str],
    page: PageVersion | None = None,
) -> Draft | None:
    """Save what the user has typed, in place of an earlier draft of this secret; delete all users' expired drafts.

    `words`: reason and ticket. `page`: of an automatic save, which replaces only a draft that this page knows, and
    deletes it if nothing is typed any more; returns None then. Raises LimitReached, NewerDraft.
    """
    now = timezone.now()
    then = {field: base[field] for field in patch} if base is not None else None
    version = {"tab": page.tab, "saves": page.saves} if page else {"tab": str(uuid.uuid4()), "saves": 0}
    kept = {"secret_name": name, "patch": dict(patch), "base": then, "updated_at": now, **version, **words}
    with transaction.atomic():
        count_act(by, "automatic draft" if page else "draft")  # locks the user: one save at a time
        delete_expired_drafts(now)
        if page:
            _forbid_newer(Draft.objects.filter(person=by, secret=secret).first(), page)
        if page and not patch and not any(words.values()):
            discard_draft(by=by, secret=secret)
            return None
        return Draft.objects.update_or_create(person=by, secret=secret, defaults=kept)[0]


def _forbid_newer(found: Draft | None, page: PageVersion) -> None:
    """Raise NewerDraft unless the draft is the one that the page was opened with, or an earlier save of that page."""
    own = found is not None and found.tab == page.tab and found.saves < page.saves
    if found is not None and not own and found.version != page.opened_with:
        raise NewerDraft


def discard_draft(*, by: User, secret: int) -> dict[str, Any] | None:
    """Delete the user's draft of this secret and return its columns for restore_draft; None if there is none."""
    found = Draft.objects.filter(person=by, secret=secret)
    deleted: dict[str, Any] | None = found.values(*_COLUMNS).first()
    found.delete()
    return deleted


def restore_draft(by: User, deleted: dict[str, Any]) -> bool:
    """Create the draft again that was deleted; returns False if the user has another one of this secret now."""
    kept = {**deleted, "updated_at": timezone.now()}
    return Draft.objects.get_or_create(person=by, secret=kept.pop("secret"), defaults=kept)[1]


def delete_expired_drafts(now: datetime) -> int:
    """Delete the drafts of all users that are older than the lifetime of a draft, and return their number."""
    return Draft.objects.filter(updated_at__lt=now - _LIFETIME).delete()[0]
