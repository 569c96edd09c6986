"""A passkey in software: makes what a browser sends, and what no honest browser would."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from portal.accounts.models import User
from tests.people import show_presence

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40
OPTIONS = "/accounts/second-factor/passkey-options/"
ADD = "/accounts/second-factor/passkeys/add/"


class SoftPasskey:
    """`verifies`: whether it asks for a PIN; `origin`: the site that the browser is on."""

    def __init__(self, rp_id: str = "localhost") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(32)
        self.rp_id = rp_id
        self.verifies = True
        self.origin = settings.BASE_URL
        self.user_handle = ""

    def create(self, public_key: dict[str, Any]) -> dict[str, Any]:
        """The registration for the options of a page."""
        self.user_handle = public_key["user"]["id"]
        attested = AttestedCredentialData.create(
            b"\0" * 16, self.credential_id, ES256.from_cryptography_key(self.key.public_key())
        )
        made = AttestationObject.create("none", self._data(_ATTESTED, attested), {})
        return self._answer(
            {
                "clientDataJSON": self._client_data("webauthn.create", public_key["challenge"]),
                "attestationObject": websafe_encode(made),
                "transports": ["internal"],
            }
        )

    def get(self, public_key: dict[str, Any]) -> dict[str, Any]:
        """The assertion for the options of a page. The counter stays 0, as that of synchronised passkeys does."""
        data, client = self._data(0, None), self._client_data("webauthn.get", public_key["challenge"])
        signed = bytes(data) + hashlib.sha256(websafe_decode(client)).digest()
        return self._answer(
            {
                "clientDataJSON": client,
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
                "userHandle": self.user_handle,
            }
        )

    def _data(self, flags: int, attested: AttestedCredentialData | None) -> AuthenticatorData:
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return AuthenticatorData.create(hashlib.sha256(self.rp_id.encode()).digest(), flags, 0, attested or b"")

    def _client_data(self, kind: str, challenge: str) -> str:
        text = json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False})
        return websafe_encode(text.encode())

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}


def creation_options(page: str) -> dict[str, Any]:
    """What the page tells its script."""
    found = re.search(r'<script id="passkey-options" type="application/json">(.*?)</script>', page)
    assert found, page
    options: dict[str, Any] = json.loads(found[1])["publicKey"]
    return options


def add_passkey(client: Client, passkey: SoftPasskey, **data: str) -> Any:
    """Add it in a session that has confirmed; the answer to the form."""
    options = creation_options(client.get(ADD).content.decode())
    return client.post(ADD, {"name": "Laptop", "credential": json.dumps(passkey.create(options)), **data})


def assertion(client: Client, passkey: SoftPasskey) -> str:
    """What the browser puts into a form that asks for a passkey."""
    answer = client.post(OPTIONS)
    assert answer.status_code == 200, answer.content
    return json.dumps(passkey.get(answer.json()["publicKey"]))


def give_passkey(user: User) -> SoftPasskey:
    """Let the user have a passkey, as if they had added it before."""
    client, passkey = Client(), SoftPasskey()
    client.force_login(user)
    show_presence(client, user, reauthenticated=True)
    assert add_passkey(client, passkey).status_code == 302
    user.__dict__.pop("_factor_types", None)
    return passkey
