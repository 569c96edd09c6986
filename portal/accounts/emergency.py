"""Emergency account: the one local account that may sign in while sign-in with passwords is switched off."""

from __future__ import annotations

from django.conf import settings

from portal.accounts.models import User
from portal.accounts.usernames import fold_username


def accepts_password(username: str) -> bool:
    """Return whether the password of the account of this name, in any spelling, is compared at all."""
    return settings.PASSWORD_SIGN_IN or _is_emergency_name(username)


def is_emergency_account(user: User) -> bool:
    """Return whether the user is the emergency account, while it is the only local account that signs in."""
    return not settings.PASSWORD_SIGN_IN and _is_emergency_name(user.username)


def _is_emergency_name(username: str) -> bool:
    return bool(settings.EMERGENCY_ACCOUNT) and fold_username(username) == fold_username(settings.EMERGENCY_ACCOUNT)
