"""Second factors that a user has: passkeys, an authenticator app, and recovery codes for when both are lost."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AnonymousUser

from portal.accounts.models import User

PASSKEY, APP, RECOVERY_CODES = (
    str(kind) for kind in (Authenticator.Type.WEBAUTHN, Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)
)
"""Types of allauth, which sessions and the audit log store too."""
SECOND_FACTORS = frozenset({PASSKEY, APP})
"""Types that confirm a user. A recovery code only opens a session, so that a lost factor can be replaced."""


def list_factor_types(user: User | AnonymousUser) -> frozenset[str]:
    """Return the types of the user's second factors, without recovery codes. Read once per instance."""
    known: frozenset[str] | None = getattr(user, "_factor_types", None)
    if known is None:
        rows = Authenticator.objects.filter(user_id=user.pk, type__in=SECOND_FACTORS) if user.pk else ()
        known = frozenset(row.type for row in rows)
        user._factor_types = known  # type: ignore[union-attr]  # noqa: SLF001 - a cache on the instance
    return known
