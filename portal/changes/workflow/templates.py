"""Commands of requesters on templates."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.accounts.limits import count_act
from portal.accounts.models import User
from portal.accounts.user_lock import lock_user
from portal.changes.models.template import MOST, ChangeTemplate
from portal.common.name_folding import find_same_name

_COLUMNS = ("person", "name", "shared", "patch", "base", "reason", "ticket")


class TooManyTemplates(Exception):
    """The user already has MOST templates."""


@transaction.atomic
def save_template(
    *, by: User, name: str, shared: bool, patch: dict[str, Any], base: dict[str, Any] | None, words: dict[str, str]
) -> ChangeTemplate:
    """Save these edits as a template, or update the user's template of this name, in any spelling.

    `words`: reason and ticket. Raises TooManyTemplates, LimitReached.
    """
    lock_user(by)
    count_act(by, "template")
    own = list(ChangeTemplate.objects.filter(person=by))
    same = find_same_name(own, name)
    if len(own) >= MOST and same is None:
        raise TooManyTemplates
    then = {field: base[field] for field in patch} if base is not None else None
    kept = {"shared": shared, "patch": patch, "base": then, "updated_at": timezone.now(), **words}
    if same is None:
        return ChangeTemplate.objects.create(person=by, name=name, **kept)
    return ChangeTemplate.objects.update_or_create(pk=same.pk, defaults={"name": name, **kept})[0]


def delete_template(template_id: int, *, by: User) -> dict[str, Any] | None:
    """Delete the template and return its columns for restore_template.

    Returns None if there is none that this user may delete.
    """
    found = ChangeTemplate.objects.erasable_by(by).filter(pk=template_id)
    deleted: dict[str, Any] | None = found.values(*_COLUMNS).first()
    found.delete()
    return deleted


@transaction.atomic
def restore_template(by: User, deleted: dict[str, Any]) -> bool:
    """Create the template again that was deleted; returns False if its owner has another one of this name now."""
    owner = User.objects.filter(pk=deleted["person"]).first()
    if owner is None or (owner != by and not deleted["shared"]):
        return False
    lock_user(owner)
    own = list(ChangeTemplate.objects.filter(person=owner))
    if find_same_name(own, deleted["name"]) or len(own) >= MOST:
        return False
    ChangeTemplate.objects.create(**{**deleted, "person": owner, "updated_at": timezone.now()})
    return True
