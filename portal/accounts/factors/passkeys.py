"""Passkeys: what a browser sends is read, and accepted from the portal's own origin alone."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from fido2.utils import websafe_decode

from portal.accounts.models import User

LARGEST = 20_000
"""Characters of a credential; a registration has some 1,500."""
_UNREADABLE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    struct.error,
)
"""What damaged credentials raise in fido2."""


def complete_assertion(user: User | None, credential: Any) -> Authenticator:
    """Return the passkey of the user that made this assertion over the challenge of the session.

    `user` None: the one whom the passkey names, for a sign-in. Raises ValidationError.
    """
    with refused_credentials():
        require_own_origin(credential)
        auth.parse_authentication_response(credential)
        owner = auth.extract_user_from_response(credential) if user is None else user
        passkey = auth.complete_authentication(owner, credential)
        passkey.user = owner
        return passkey


def require_own_origin(credential: Any) -> None:
    """Raise ValidationError if the browser was at another origin: fido2 accepts any port and any subdomain."""
    client_data = json.loads(websafe_decode(credential["response"]["clientDataJSON"]))
    base = urlsplit(settings.BASE_URL)
    if client_data["origin"] != f"{base.scheme}://{base.netloc}":
        raise ValidationError(
            _("This passkey was used on another site. Nothing was done. Open Countersign at %(site)s and try again.")
            % {"site": settings.BASE_URL},
            code="foreign_origin",
        )


@contextmanager
def refused_credentials() -> Iterator[None]:
    """Turn what a damaged or foreign credential raises into a ValidationError with one sentence."""
    sentence = _("This passkey was not accepted. Nothing was done. Try again, or use another one.")
    try:
        yield
    except ValidationError as error:
        if error.code == "foreign_origin":
            raise
        raise ValidationError(sentence, code="passkey_refused") from None
    except _UNREADABLE:
        raise ValidationError(sentence, code="passkey_refused") from None
