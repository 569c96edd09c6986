"""Second factor that roles need: whether the session has shown one, and which factor must stay."""

from __future__ import annotations

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _

from portal.accounts import reauthentication, roles
from portal.accounts.factors.inventory import SECOND_FACTORS
from portal.accounts.models import User
from portal.accounts.roles import GRANTS, Role
from portal.accounts.user_lock import lock_user


class SecondFactorMissing(PermissionDenied):
    """The user's role needs a second factor, which the session has not shown. Nothing was done."""

    code = "second_factor_missing"

    def __init__(self) -> None:
        super().__init__(
            _("Your role needs a second factor. Nothing was done. Open Second factor, confirm, then send this again.")
        )


def needs_second_factor(user: User) -> bool:
    """Return whether a right of the user is one of a role that needs a second factor (SECOND_FACTOR_ROLES)."""
    return not {GRANTS[Role[code.upper()]] for code in settings.SECOND_FACTOR_ROLES}.isdisjoint(roles.rights_of(user))


def is_factor_missing(request: HttpRequest) -> bool:
    """Return whether the session is closed: the user's role needs a second factor, and none was shown.

    Read once per request, before the rights of its user are suspended.
    """
    known: bool | None = getattr(request, "_factor_missing", None)
    if known is None:
        user = request.user
        needed = bool(settings.SECOND_FACTOR_ROLES) and isinstance(user, User) and needs_second_factor(user)
        known = needed and not any(map(reauthentication.opens_session, get_authentication_records(request, user)))
        request._factor_missing = known  # type: ignore[attr-defined]  # noqa: SLF001 - a cache on the request
    return known


def may_remove_factor(factor: Authenticator) -> bool:
    """Return whether the factor may be removed: a role that needs one keeps its last. Requires a transaction.

    The lock lets two removals at the same time not leave the user without any.
    """
    user = User.objects.get(pk=factor.user_id)
    lock_user(user)
    if not needs_second_factor(user):
        return True
    return bool(Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).exclude(pk=factor.pk).exists())
