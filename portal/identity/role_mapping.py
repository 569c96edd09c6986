"""Roles from the provider's groups: read from the claims at each sign-in, and set exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.ledger import record_event
from portal.identity.models import GroupsStatus


@dataclass(frozen=True)
class MappedRoles:
    """Roles that the claims give, and the groups that the mapping names among those of the user."""

    status: GroupsStatus
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def map_roles(claims: dict[str, Any]) -> MappedRoles:
    """Return the roles of these claims; none if the groups claim is missing or is not a list of names."""
    sent = claims.get(settings.OIDC_GROUPS_CLAIM)
    names = [sent] if isinstance(sent, str) else sent
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        # Entra leaves the groups out above 200 and names a URL for them instead.
        elsewhere = claims.get("_claim_names")
        is_overage = isinstance(elsewhere, dict) and settings.OIDC_GROUPS_CLAIM in elsewhere
        return MappedRoles(GroupsStatus.OVERAGE if is_overage else GroupsStatus.MISSING)
    mapping: dict[str, tuple[str, ...]] = settings.OIDC_ROLE_GROUPS
    roles = [role for role, groups in mapping.items() if not set(groups).isdisjoint(names)]
    mapped = {group for groups in mapping.values() for group in groups}
    return MappedRoles(GroupsStatus.READ, tuple(sorted(roles)), tuple(sorted(mapped.intersection(names))))


def set_roles(user: User, mapped: MappedRoles) -> None:
    """Give the user exactly these roles, and record the event if they change. Requires a transaction."""
    before = sorted(_short_name(name) for name in user.groups.values_list("name", flat=True))
    if before == list(mapped.roles):
        return
    user.groups.set(Group.objects.filter(name__in=[Role[role.upper()].value for role in mapped.roles]))
    record_event(
        "access.granted",
        data={
            "person": user.username,
            "roles": mapped.roles,
            "roles_before": before,
            "groups": mapped.groups,
            "groups_status": mapped.status.value,
            "issuer": settings.OIDC_ISSUER,
        },
    )


def _short_name(group: str) -> str:
    """Return the name that settings and console give a role; the name of any other group as it is."""
    return next((role.name.lower() for role in Role if role.value == group), group)
