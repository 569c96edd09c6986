"""Adapter of allauth.mfa: secrets under the portal's encryption keys, and passkeys of this site alone."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.factors import requirement
from portal.accounts.models import User
from portal.common import keyring

PLACE = b"second factor of a user"
_NAME = "Countersign"


class PortalMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Adapter for allauth.mfa."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy("This code is not valid. Enter the newest one."),
    }

    def encrypt(self, text: str) -> str:
        """Encrypt the secret of an app or the seed of recovery codes, which allauth stores as it gets them."""
        return base64.b64encode(keyring.get_keyring().encrypt(text.encode(), PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt what encrypt() returned. Raises CannotDecrypt."""
        return keyring.get_keyring().decrypt(base64.b64decode(encrypted_text), PLACE).decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the host of PORTAL_BASE_URL. allauth would take it from the Host header of the request."""
        return {"id": urlsplit(settings.BASE_URL).hostname or "", "name": _NAME}

    def get_totp_issuer(self) -> str:
        return _NAME

    def get_totp_label(self, user: User) -> str:
        """Return the user name; allauth would prefer the email address."""
        return user.username

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, object]:
        return {**super().get_public_key_credential_user_entity(user), "name": user.username}

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002 - allauth's name
        """Return the name of a passkey whose user gave it none."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(number)d") % {"number": count + 1}

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return whether the factor may be removed. Requires a transaction."""
        return requirement.may_remove_factor(authenticator)
