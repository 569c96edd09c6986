"""Secret of an authenticator app that is being added: it waits in the session, encrypted, for the first code."""

from __future__ import annotations

import base64
import binascii

from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.http import HttpRequest

from portal.common import keyring

_ENTRY = "pending_app"
_PLACE = b"secret of an app that is being added"


def load_secret(request: HttpRequest, *, renew: bool) -> str:
    """Return the secret of this session; a new one if there is none, or `renew`. allauth would store it in clear."""
    known = "" if renew else request.session.get(_ENTRY, "")
    try:
        return keyring.get_keyring().decrypt(base64.b64decode(known), _PLACE).decode()
    except (keyring.CannotDecrypt, binascii.Error):
        secret = str(generate_totp_secret())
        encrypted = keyring.get_keyring().encrypt(secret.encode(), _PLACE)
        request.session[_ENTRY] = base64.b64encode(encrypted).decode()
        return secret


def forget_secret(request: HttpRequest) -> None:
    """Remove the secret from the session."""
    request.session.pop(_ENTRY, None)
