"""An authenticator in software: makes vote keys of each algorithm and signs texts, as a browser returns it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from portal.common.vote_signatures import compute_fingerprint
from portal.vote_keys.commands import RegisteredKey
from portal.vote_keys.signed_text import SignedText

ALGORITHMS = ("ES256", "EdDSA", "RS256")
ORIGIN, RP_ID = "https://countersign.example.com", "countersign.example.com"


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def cbor(value: Any) -> bytes:
    """Canonical CBOR of integers, bytes and maps, as far as COSE keys need it."""
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    return head(5, len(value)) + b"".join(cbor(name) + cbor(item) for name, item in value.items())


def head(kind: int, size: int) -> bytes:
    if size < 24:
        return bytes([kind << 5 | size])
    return bytes([kind << 5 | 24, size]) if size < 256 else bytes([kind << 5 | 25]) + size.to_bytes(2, "big")


@dataclass
class Device:
    """One passkey. `origin` and `rp_id` are the site it was made on."""

    algorithm: str = "ES256"
    origin: str = ORIGIN
    rp_id: str = RP_ID
    credential: str = ""
    private: Any = field(init=False)

    def __post_init__(self) -> None:
        self.private = {
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
        }[self.algorithm]()
        self.credential = self.credential or base64url(sha256(self.cose).digest())

    @property
    def cose(self) -> bytes:
        """The public key as authenticators encode it."""
        public = self.private.public_key()
        if self.algorithm == "ES256":
            point = public.public_numbers()
            return cbor({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        if self.algorithm == "EdDSA":
            return cbor({1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()})
        numbers = public.public_numbers()
        return cbor({1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")})

    @property
    def registered(self) -> RegisteredKey:
        """What the enrolment stores of it."""
        return RegisteredKey(self.credential, base64url(self.cose), self.rp_id, self.origin, "", is_synced=False)

    def facts(self, owner: int, person: str, log: str) -> dict[str, Any]:
        """The facts that the fingerprint covers."""
        key = {"credential": self.credential, "public_key": base64url(self.cose)}
        return {"log": log, "owner": owner, "person": person, **key, "rp_id": self.rp_id, "origin": self.origin}

    def sign(self, text: str, *, key: str = "", flags: int = 5, **client: Any) -> SignedText:
        """Sign the text as `navigator.credentials.get` does; `client` replaces values of the client data."""
        said = {"type": "webauthn.get", "challenge": base64url(sha256(text.encode()).digest()), "origin": self.origin}
        client_data = json.dumps({**said, "crossOrigin": False, **client}).encode()
        data = sha256(self.rp_id.encode()).digest() + bytes([flags]) + bytes(4)
        signature = self.sign_bytes(data + sha256(client_data).digest())
        return SignedText(key, text, base64url(client_data), base64url(data), base64url(signature))

    def sign_bytes(self, message: bytes) -> bytes:
        if self.algorithm == "ES256":
            return bytes(self.private.sign(message, ec.ECDSA(SHA256())))
        if self.algorithm == "EdDSA":
            return bytes(self.private.sign(message))
        return bytes(self.private.sign(message, PKCS1v15(), SHA256()))

    def fingerprint(self, owner: int, person: str, log: str) -> str:
        return compute_fingerprint(self.facts(owner, person, log))
