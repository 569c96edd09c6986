"""Sign-in of a user with the claims of an ID token: account, roles, session and events in one transaction."""

from __future__ import annotations

import time
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
from portal.accounts.reauthentication import PROVIDER_METHOD, has_second_factor_of_provider
from portal.accounts.user_lock import lock_user
from portal.audit.ledger import record_event
from portal.identity.client import LEEWAY_S, ProviderAnswer
from portal.identity.models import GroupsStatus, ProviderAccount
from portal.identity.provider_factor import shows_second_factor
from portal.identity.provider_sessions import store_session
from portal.identity.refusals import SignInRefused
from portal.identity.role_mapping import MappedRoles, map_roles, set_roles

_BACKEND = "portal.accounts.backends.PortalBackend"
_NO_GROUPS = {GroupsStatus.MISSING: "groups_missing", GroupsStatus.OVERAGE: "groups_overage"}


def sign_in_user(request: HttpRequest, answer: ProviderAnswer) -> None:
    """Sign in the user of these claims, with the roles that they give. Raises SignInRefused."""
    claims = answer.claims
    mapped = map_roles(claims)
    with transaction.atomic():
        limits.lock_subject(f"provider account {claims['sub']}")  # two first sign-ins of one user at the same time
        account = _find_account(claims) or _create_account(claims, mapped)
        if not account.user.is_active:
            raise SignInRefused("account_disabled", account.user.username)
        _update_roles(account, mapped)
        _start_session(request, account.user, claims)
        sid = _text(claims, "sid", most=255)
        store_session(request, account, sid=sid, id_token=answer.id_token, end_session_url=answer.end_session_url)
        carried_forms.store_form(request, account.user, answer.flow.carried)


def confirm_user(request: HttpRequest, answer: ProviderAnswer) -> None:
    """Record that the signed-in user has authenticated at the provider since the flow began. Raises SignInRefused."""
    claims, asked_at = answer.claims, answer.flow.started_at
    username = request.user.get_username()
    account = _find_account(claims)
    if account is None or account.user != request.user:
        raise SignInRefused("other_user", username)
    auth_time = _auth_time(claims)
    if not asked_at - LEEWAY_S <= auth_time <= time.time() + LEEWAY_S:
        raise SignInRefused("not_asked_again", username)
    has_factor = shows_second_factor(claims)
    if has_second_factor_of_provider(request) and not has_factor:
        raise SignInRefused("no_second_factor", username)
    with transaction.atomic():
        _update_roles(account, map_roles(claims))
        proof = {"proved_at": min(auth_time, time.time()), "second_factor": has_factor}
        record_authentication(request, account.user, PROVIDER_METHOD, reauthenticated=True, **proof)


def _update_roles(account: ProviderAccount, mapped: MappedRoles) -> None:
    lock_user(account.user)  # two sign-ins of one user at the same time
    set_roles(account.user, mapped)
    account.groups_status, account.groups_read_at = mapped.status, Now()
    account.save(update_fields=["groups_status", "groups_read_at"])


def _auth_time(claims: dict[str, Any]) -> float:
    """Return when the user authenticated at the provider; 0 if the provider does not say."""
    value = claims.get("auth_time")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


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
    try:
        with transaction.atomic():
            user.save()
    except (IntegrityError, ValidationError):  # another user was created with this name at the same time
        raise SignInRefused("username_taken") from None
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
    """Start a session under a new id. The proof of presence is as old as the provider says, or does not count.

    allauth's stage for a second factor does not run here: without one that the provider has shown, the rights of a role
    that needs it stay closed until the user shows their own (accounts.factors.requirement).
    """
    if request.user.is_authenticated:
        logout(request)
    proof = {"proved_at": _auth_time(claims), "second_factor": shows_second_factor(claims)}
    record_authentication(request, user, PROVIDER_METHOD, **proof)
    login(request, user, backend=_BACKEND)


def _text(claims: dict[str, Any], name: str, *, most: int = 150) -> str:
    value = claims.get(name)
    return value.strip()[:most].replace("\0", "") if isinstance(value, str) else ""
