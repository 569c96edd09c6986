"""Signals of the accounts app: other apps listen to them, so that accounts imports none of these apps."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.dispatch import Signal, receiver

from portal.accounts.models import User

rights_changed = Signal()
"""Sent with `users`, the ids of users who may have gained or lost a right, in the transaction that changes it."""

device_signed_out = Signal()
"""Sent with `user` and `signed_in_at` when a user ends the session of another device, in the same transaction."""

_DECIDING = {"is_active", "is_demo"}
"""Columns of a user that roles.users_with_right() filters by."""


@receiver(m2m_changed, sender=User.groups.through, dispatch_uid="rights_by_membership")
def on_membership_changed(
    instance: User | Group, action: str, reverse: bool, pk_set: set[int] | None, **_: Any
) -> None:
    """Announce users who were added to a group or removed from it, from either side of the relation."""
    if action == "pre_clear":
        instance._members_before = _members(instance)  # type: ignore[union-attr]  # noqa: SLF001
    elif action == "post_clear":
        _announce(getattr(instance, "_members_before", []))
    elif action in ("post_add", "post_remove"):
        _announce([*(pk_set or ())] if reverse else [instance.pk])


@receiver(m2m_changed, sender=Group.permissions.through, dispatch_uid="rights_by_permission")
def on_permissions_changed(instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **_: Any) -> None:
    """Announce the members of groups whose permissions changed."""
    if reverse and action == "pre_clear":
        instance._groups_before = list(instance.group_set.values_list("pk", flat=True))  # noqa: SLF001
    elif action in ("post_add", "post_remove", "post_clear"):
        groups = (pk_set or getattr(instance, "_groups_before", [])) if reverse else [instance.pk]
        _announce(list(User.objects.filter(groups__in=groups).values_list("pk", flat=True)))


@receiver(post_save, sender=User, dispatch_uid="rights_by_account")
def on_user_saved(instance: User, created: bool, update_fields: frozenset[str] | None, **_: Any) -> None:
    """Announce a user whose account may have been enabled or disabled."""
    if not created and (update_fields is None or not _DECIDING.isdisjoint(update_fields)):
        _announce([instance.pk])


@receiver(pre_delete, sender=Group, dispatch_uid="members_of_a_deleted_group")
def before_group_deleted(instance: Group, **_: Any) -> None:
    """Remember the members, which cannot be queried after the deletion."""
    instance._members_before = _members(instance)  # type: ignore[attr-defined]  # noqa: SLF001


@receiver(post_delete, sender=Group, dispatch_uid="rights_by_group")
def after_group_deleted(instance: Group, **_: Any) -> None:
    """Announce the members of a deleted group."""
    _announce(getattr(instance, "_members_before", []))


def _members(instance: User | Group) -> list[int]:
    if isinstance(instance, User):
        return [instance.pk]
    return list(User.objects.filter(groups=instance).values_list("pk", flat=True))


def _announce(users: list[int]) -> None:
    if users:
        rights_changed.send(sender=User, users=users)
