"""Checks of governance before an act. Each raises a GovernanceViolation with a sentence for the user."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.roles import Right
from portal.governance.violations import (
    NotEntitled,
    OwnRights,
    PasswordRequired,
    ProposalReasonMissing,
    RolesFromProvider,
)

_LOCK_CLASS = 0x474F  # "GO": keeps this advisory lock apart from others


def lock_governance() -> None:
    """Take the lock of governance and keep it until the transaction ends.

    These acts are rare, so one lock for all of them is simple and excludes every race: two decisions on one proposal,
    a decision while its voter loses the right, two counts of the administrators.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_LOCK_CLASS])


def require_entitled(by: User, right: Right = Right.OPERATE) -> None:
    """Require that the user has the right in the database now, whatever the request has read. Raises NotEntitled."""
    if not is_entitled(by, right):
        raise NotEntitled(
            _("Only members of %(groups)s can do this.") % {"groups": roles.group_names_with_right(right)}
        )


def is_entitled(user: User, right: Right = Right.OPERATE) -> bool:
    """Return whether the user is active and has the right in the database now."""
    return roles.users_with_right(right).filter(pk=user.pk).exists()


def forbid_own_rights(person: User, by: User) -> None:
    """Raise OwnRights if the user acts on their own account."""
    if person.pk == by.pk:
        raise OwnRights(_("You can't change your own rights. Another administrator can."))


def has_provider_roles(person: User) -> bool:
    """Return whether the groups of the OpenID provider give the person's roles."""
    # A row of portal.identity, which lies above this package.
    return bool(settings.OIDC_ISSUER) and hasattr(person, "provider_account")


def forbid_provider_roles(person: User) -> None:
    """Raise RolesFromProvider if the person's roles come from the groups of the OpenID provider."""
    if has_provider_roles(person):
        raise RolesFromProvider(
            _(
                "%(person)s has the roles that the groups at %(provider)s give at each sign-in. Change the groups "
                "there. Disabling the account ends all access at once."
            )
            % {"person": person.display_name, "provider": settings.OIDC_PROVIDER_NAME}
        )


def require_reason(reason: str) -> None:
    """Require a reason. Raises ProposalReasonMissing."""
    if not reason.strip():
        raise ProposalReasonMissing(_("Enter a reason. Administrators and auditors see it."))


def require_recent_auth(recent_auth: RecentAuth) -> None:
    """Require that the user has authenticated within the last minutes. Raises PasswordRequired."""
    if not recent_auth.fresh:
        raise PasswordRequired(recent_auth.request_sentence())
