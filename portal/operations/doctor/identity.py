"""Check of the sign-in: whether the OpenID provider answers as it must, and which accounts have a password."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from portal.accounts.models import User
from portal.identity.provider_check import find_provider_faults
from portal.operations.doctor.finding import CheckArea, Finding, runs_as

_AREA = CheckArea("sign-in")


def check_identity() -> Iterator[Finding]:
    """Yield findings about the provider, if the environment has its client, and about the emergency account."""
    if not runs_as("web", "worker"):
        return
    if not settings.OIDC_CLIENT_ID:
        yield _AREA.ok("no OpenID provider is set up in this process: local accounts alone sign in here")
        return
    faults = find_provider_faults()
    for fault in faults:
        yield (_AREA.problem if fault.is_fatal else _AREA.advice)(fault.found, fault.todo)
    if not any(fault.is_fatal for fault in faults):
        yield _AREA.ok(f"discovery and keys of {settings.OIDC_ISSUER} are as needed")
    yield from _check_passwords()


def _check_passwords() -> Iterator[Finding]:
    if settings.PASSWORD_SIGN_IN:
        yield _AREA.advice(
            "passwords of local accounts sign in beside the provider",
            "When all users are linked, set PORTAL_PASSWORD_SIGN_IN=0.",
        )
    elif settings.EMERGENCY_ACCOUNT and not _emergency_account_works():
        yield _AREA.problem(
            f"PORTAL_EMERGENCY_ACCOUNT {settings.EMERGENCY_ACCOUNT} is no active local account with a password",
            "Create it with manage.py user, or empty the setting: it would fail when it is needed.",
        )


def _emergency_account_works() -> bool:
    account = User.objects.find_by_name(settings.EMERGENCY_ACCOUNT)
    return account is not None and account.is_active and account.has_usable_password()
