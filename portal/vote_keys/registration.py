"""Registration of a passkey as a vote key, by fido2: the browser's options, and the check of its answer."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from fido2 import cbor
from fido2.server import Fido2Server
from fido2.webauthn import (
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    UserVerificationRequirement,
)

from portal.accounts.models import User
from portal.common.vote_signatures import NotSigned, decode_base64url, parse_cbor
from portal.vote_keys.commands import RegisteredKey
from portal.vote_keys.models import VoteKey

ALGORITHMS = (-7, -8, -257)
"""ES256, EdDSA and RS256: those that the offline verifier knows. fido2 would also offer others."""


class InvalidRegistration(Exception):
    """The browser's answer does not register a passkey of this site for this request."""


def rp_id() -> str:
    """Return the site id of passkeys: the host of PORTAL_BASE_URL. A new host name invalidates all vote keys."""
    return urlsplit(settings.BASE_URL).hostname or ""


def begin_registration(user: User) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options for `navigator.credentials.create`, and the state for complete_registration."""
    known = [
        PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=decode_base64url(credential))
        for credential in VoteKey.objects.filter(owner=user).values_list("credential", flat=True)
    ]
    options, state = _get_server().register_begin(
        PublicKeyCredentialUserEntity(id=f"vote-key-{user.pk}".encode(), name=user.username, display_name=str(user)),
        known,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options), state


def complete_registration(state: dict[str, Any], posted: str) -> RegisteredKey:
    """Return the passkey that the browser registered. Raises InvalidRegistration."""
    try:
        answer = RegistrationResponse.from_dict(json.loads(posted))
        data = _get_server().register_complete(state, answer)
        credential = data.credential_data
        if credential is None or credential.public_key.get(3) not in ALGORITHMS:
            raise ValueError
        cose = cbor.encode(dict(credential.public_key))
        parse_cbor(cose)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotSigned):
        raise InvalidRegistration from None
    return RegisteredKey(
        credential=_encode(credential.credential_id),
        public_key=_encode(cose),
        rp_id=rp_id(),
        origin=settings.BASE_URL,
        aaguid=str(credential.aaguid),
        is_synced=bool(data.flags & data.FLAG.BE),
    )


def _get_server() -> Fido2Server:
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=rp_id(), name="Countersign"),
        verify_origin=lambda origin: bool(origin == settings.BASE_URL),
    )
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=algorithm)
        for algorithm in ALGORITHMS
    ]
    return server


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
