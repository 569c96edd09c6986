"""Sign-in of a user with the claims of an ID token: account, roles, session and events in one transaction."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib.auth import login, logout
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.http import HttpRequest

from portal.accounts import carried_forms, limits
from portal.accounts.models import User
from portal.audit.ledger import record_event
from portal.identity.models import GroupsStatus, ProviderAccount
from portal.identity.refusals import SignInRefused
from portal.identity.role_mapping import MappedRoles, map_roles, set_roles

METHOD = "openid_connect"
"""Method of authentication in sessions and in the audit log."""
_BACKEND = "portal.accounts.backends.PortalBackend"
_NO_GROUPS = {GroupsStatus.MISSING: "groups_missing", GroupsStatus.OVERAGE: "groups_overage"}


def sign_in_user(request: HttpRequest, claims: dict[str, Any], *, carried: str) -> None:
    """Sign in the user of these claims, with the roles that they give. Raises SignInRefused.

    `carried` is the token of a form that the user sent when an earlier session had ended.
    """
    mapped = map_roles(claims)
    try:
        with transaction.atomic():
            limits.lock_subject(f"provider account {claims['sub']}")  # two first sign-ins of one user at the same time
            account = _find_account(claims) or _create_account(claims, mapped)
            if not account.user.is_active:
                raise SignInRefused("account_disabled", account.user.username)
            set_roles(account.user, mapped)
            account.groups_status, account.groups_read_at = mapped.status, Now()
            account.save(update_fields=["groups_status", "groups_read_at"])
            _start_session(request, account.user, claims)
            carried_forms.store_form(request, account.user, carried)
    except IntegrityError:  # another user was created with this name at the same time
        raise SignInRefused("username_taken") from None


def _find_account(claims: dict[str, Any]) -> ProviderAccount | None:
    known = ProviderAccount.objects.filter(issuer=settings.OIDC_ISSUER, subject=claims["sub"])
    return known.select_related("user").first()


def _create_account(claims: dict[str, Any], mapped: MappedRoles) -> ProviderAccount:
    """Create a user for a first sign-in, which needs a role: the provider knows many people without any."""
    if not mapped.roles:
        raise SignInRefused(_NO_GROUPS.get(mapped.status, "no_role"))
    user = _build_user(claims)
    try:
        user.clean_fields()
        taken = User.objects.find_by_name(user.username) is not None
        if not taken:
            user.full_clean()
    except ValidationError:
        raise SignInRefused("no_username") from None
    if taken:
        raise SignInRefused("username_taken")
    user.save()
    account = ProviderAccount.objects.create(user=user, issuer=settings.OIDC_ISSUER, subject=claims["sub"])
    facts = {"person": user.username, "issuer": account.issuer, "subject_id": account.subject}
    record_event("account.created", data=facts)
    return account


def _build_user(claims: dict[str, Any]) -> User:
    username = claims.get(settings.OIDC_USERNAME_CLAIM)
    user = User(username=username if isinstance(username, str) else "")
    user.first_name, user.last_name = _text(claims, "given_name"), _text(claims, "family_name")
    if not user.get_full_name():
        user.first_name = _text(claims, "name")
    with suppress(ValidationError):
        validate_email(claims.get("email"))
        user.email = claims["email"] if claims.get("email_verified") is not False else ""
    user.set_unusable_password()
    return user


def _start_session(request: HttpRequest, user: User, claims: dict[str, Any]) -> None:
    """Start a session under a new id. The proof of presence is as old as the provider says, or does not count."""
    if request.user.is_authenticated:
        logout(request)
    auth_time = claims.get("auth_time")
    record_authentication(request, user, METHOD, proved_at=auth_time if isinstance(auth_time, int | float) else 0)
    login(request, user, backend=_BACKEND)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip()[:150] if isinstance(value, str) else ""
