"""Who may do what: four rights, held through groups and nothing else.

Django's `has_perm` says yes to every superuser; four eyes must not, so the portal asks `holds`.
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
from portal.common.prepared import Given, Prepared


class Right(StrEnum):
    """A right is a permission of the accounts app, so that any group can carry it."""

    PROPOSE = "propose"
    DECIDE = "decide"
    AUDIT = "audit"
    OPERATE = "operate"


class Role(StrEnum):
    """The groups the portal makes; their names are what people see."""

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
_STANDING = Prepared(lambda: Group.objects.filter(user=Given("person")).order_by("name").values_list(*_CARRIED))


def rights_of(user: User | AnonymousUser) -> frozenset[Right]:
    """The rights of an active person, asked once per instance: a role taken away ends with the request."""
    return _standing(user)[0] if user.is_active else frozenset()


def group_names_of(user: User | AnonymousUser) -> list[str]:
    """The groups a person is in, asked along with their rights."""
    return _standing(user)[1]


def _standing(user: User | AnonymousUser) -> tuple[frozenset[Right], list[str]]:
    """Rights and groups, in one query."""
    known: tuple[frozenset[Right], list[str]] | None = getattr(user, "_standing", None)
    if known is None:
        rows = _STANDING.rows(person=user.pk) if user.pk else []
        rights = {Right(code) for _name, app, code in rows if app == "accounts" and code in list(Right)}
        known = frozenset(rights), list(dict.fromkeys(name for name, _app, _code in rows))
        user._standing = known  # type: ignore[union-attr]  # noqa: SLF001 - a cache on the instance
    return known


def anybody_with(rights: frozenset[Right], key: Given) -> User:
    """Nobody in particular who holds these: to put a question once (Prepared) that each of them may ask."""
    anybody = User(pk=key)
    anybody._standing = rights, []  # type: ignore[attr-defined]  # noqa: SLF001
    return anybody


def has_right(user: User | AnonymousUser, right: Right) -> bool:
    """Whether this person holds the right now."""
    return right in rights_of(user)


def users_with_right(*rights: Right) -> QuerySet[User]:
    """Active people who hold one of the rights; demo accounts, who cannot sign in outside the demo, only within it."""
    people = User.objects.filter(
        is_active=True,
        groups__permissions__codename__in=rights,
        groups__permissions__content_type__app_label="accounts",
    )
    return (people if settings.PORTAL_DEMO else people.filter(is_demo=False)).distinct()


def group_names_with_right(*rights: Right) -> str:
    """The groups that carry one of the rights, in the words of the page: the answer to «who could?»."""
    found = Group.objects.filter(permissions__codename__in=rights, permissions__content_type__app_label="accounts")
    return ", ".join(sorted({_(name) for name in found.values_list("name", flat=True)}))


def add_to_role(user: User, role: Role) -> None:
    """Put a person into a role's group."""
    user.groups.add(Group.objects.get(name=role))


def ensure_role_groups(**_signal: Any) -> None:
    """After migrate: the four groups with their right, made where missing, never reset."""
    people = ContentType.objects.get_for_model(User)
    for role, right in GRANTS.items():
        group, new = Group.objects.get_or_create(name=role)
        if new:
            group.permissions.add(Permission.objects.get(content_type=people, codename=right))
