"""Rights and roles: four rights, which users have through groups only.

Django's `has_perm` is true for every superuser; the four-eyes rule must not depend on that, so use `has_right`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.accounts.models import User
from portal.common.db_expressions import CountSubquery


class Right(StrEnum):
    """Right of a user: a permission of the accounts app, so that any group can grant it."""

    PROPOSE = "propose"
    DECIDE = "decide"
    AUDIT = "audit"
    OPERATE = "operate"


class Role(StrEnum):
    """Group that the portal creates; its value is the name shown to users."""

    REQUESTER = gettext_noop("Requesters")
    APPROVER = gettext_noop("Approvers")
    AUDITOR = gettext_noop("Auditors")
    ADMINISTRATOR = gettext_noop("Administrators")


GRANTS = {
    Role.REQUESTER: Right.PROPOSE,
    Role.APPROVER: Right.DECIDE,
    Role.AUDITOR: Right.AUDIT,
    Role.ADMINISTRATOR: Right.OPERATE,
}

_CARRIED = ("name", "permissions__content_type__app_label", "permissions__codename")


def rights_of(user: User | AnonymousUser) -> frozenset[Right]:
    """Return the rights of an active user. Read once per instance: a right taken away ends with the request."""
    return _standing(user)[0] if user.is_active else frozenset()


def group_names_of(user: User | AnonymousUser) -> list[str]:
    """Return the names of the user's groups, read together with the rights."""
    return _standing(user)[1]


def _standing(user: User | AnonymousUser) -> tuple[frozenset[Right], list[str]]:
    """Return rights and groups, by one query per instance."""
    known: tuple[frozenset[Right], list[str]] | None = getattr(user, "_standing", None)
    if known is None:
        rows = list(Group.objects.filter(user=user).order_by("name").values_list(*_CARRIED)) if user.pk else []
        rights = {Right(code) for _name, app, code in rows if app == "accounts" and code in list(Right)}
        known = frozenset(rights), list(dict.fromkeys(name for name, _app, _code in rows))
        user._standing = known  # type: ignore[union-attr]  # noqa: SLF001 - a cache on the instance
    return known


def suspend_rights(user: User | AnonymousUser) -> None:
    """Take all rights from this instance, for the time of a request: its session has not shown the second factor."""
    user._standing = frozenset(), group_names_of(user)  # type: ignore[union-attr]  # noqa: SLF001 - the cache below


def has_right(user: User | AnonymousUser, right: Right) -> bool:
    """Return whether the user has the right now."""
    return right in rights_of(user)


def users_with_right(*rights: Right) -> QuerySet[User]:
    """Return active users with one of the rights; demo accounts only in the demo, as they cannot sign in elsewhere."""
    people = User.objects.filter(
        is_active=True,
        groups__permissions__codename__in=rights,
        groups__permissions__content_type__app_label="accounts",
    )
    return (people if settings.PORTAL_DEMO else people.filter(is_demo=False)).distinct()


def count_users_by_right(most: int) -> dict[Right, int]:
    """Count the users with each right, as users_with_right() finds them, each up to `most`, in one query."""
    counts = (CountSubquery(users_with_right(right).values("pk")[:most]) for right in Right)
    row = User.objects.order_by("pk").values_list(*counts).first()
    return dict(zip(Right, row or (0,) * len(Right), strict=True))


def group_names_with_right(*rights: Right) -> str:
    """Return the translated names of the groups that grant one of the rights, for messages about missing rights."""
    found = Group.objects.filter(permissions__codename__in=rights, permissions__content_type__app_label="accounts")
    return ", ".join(sorted({_(name) for name in found.values_list("name", flat=True)}))


def add_to_role(user: User, role: Role) -> None:
    """Add a user to a role's group."""
    user.groups.add(Group.objects.get(name=role))


def ensure_role_groups(**_signal: Any) -> None:
    """Create missing role groups with their right after migrate; existing groups stay as they are."""
    people = ContentType.objects.get_for_model(User)
    for role, right in GRANTS.items():
        group, new = Group.objects.get_or_create(name=role)
        if new:
            group.permissions.add(Permission.objects.get(content_type=people, codename=right))
