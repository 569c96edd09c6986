"""Accounts of the provider, as other packages ask for them: whose they are, and how one is linked to a local user."""

from __future__ import annotations

from django.conf import settings

from portal.accounts import sessions
from portal.accounts.models import User
from portal.audit.ledger import record_event
from portal.identity.models import ProviderAccount


def find_provider_account(user: User) -> ProviderAccount | None:
    """Return the provider account that the user signs in with; None for a local user."""
    return ProviderAccount.objects.filter(user=user).first()


def link_local_user(user: User, subject: str, *, by: str) -> None:
    """Turn a local user into one of the provider: the password is removed, and all sessions end.

    Requires a transaction. Raises IntegrityError if another user has this subject.
    """
    ProviderAccount.objects.create(user=user, issuer=settings.OIDC_ISSUER, subject=subject)
    user.set_unusable_password()
    user.save(update_fields=["password"])
    sessions.end_all_sessions(user)
    record_event(
        "account.linked",
        by=by,
        data={"person": user.username, "issuer": settings.OIDC_ISSUER, "subject_id": subject},
    )
