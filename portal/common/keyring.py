"""Encryption keys: AES-256-GCM with associated data and a ring of keys, the first of which encrypts.

An encrypted value names its key, so older keys still decrypt their values until these are encrypted again
(reliability B13).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_FORMAT = b"\x01"
_NONCE_BYTES = 12


class CannotDecrypt(Exception):
    """The encrypted value was altered or moved to another place, or its key is not on the ring."""


@dataclass(frozen=True, repr=False)
class KeyRing:
    """Keys by id, in order; the first one encrypts."""

    keys: dict[str, bytes]

    @classmethod
    def parse(cls, text: str, setting: str = "PORTAL_ENCRYPTION_KEYS") -> KeyRing:
        """Parse `id:key,id:key` or bare keys; a key is 32 bytes in base64 or hex. Raises ImproperlyConfigured."""
        keys: dict[str, bytes] = {}
        for number, item in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
            name, _, encoded = item.rpartition(":")
            key = _decode(encoded)
            if key is None or len(name) > 32:
                raise ImproperlyConfigured(
                    f"{setting}: key {number} is not 32 bytes in base64 or hex, "
                    "or its id is longer than 32 characters. Make one with: openssl rand -base64 32"
                )
            name = name or hashlib.sha256(b"key id" + key).hexdigest()[:8]
            if name in keys:
                raise ImproperlyConfigured(f"{setting} names the key {name} twice.")
            keys[name] = key
        if not keys:
            raise ImproperlyConfigured(f"{setting} holds no key.")
        return cls(keys)

    @property
    def active(self) -> str:
        """Id of the key that encrypts."""
        return next(iter(self.keys))

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return the ciphertext, which decrypts only with the same `aad`: the place that the value belongs to."""
        name = self.active.encode()
        nonce = os.urandom(_NONCE_BYTES)
        head = _FORMAT + bytes([len(name)]) + name
        return head + nonce + AESGCM(self.keys[self.active]).encrypt(nonce, plaintext, head + aad)

    def decrypt(self, encrypted: bytes, aad: bytes) -> bytes:
        """Return the plaintext. Raises CannotDecrypt, whose text contains nothing of the value."""
        end = 2 + encrypted[1] if len(encrypted) > 2 else 0
        key = self.keys.get(key_id_of(encrypted) or "")
        if encrypted[:1] != _FORMAT or key is None or len(encrypted) < end + _NONCE_BYTES:
            raise CannotDecrypt("encrypted with an unknown key or in an unknown format")
        head, nonce, body = encrypted[:end], encrypted[end : end + _NONCE_BYTES], encrypted[end + _NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, body, head + aad)
        except InvalidTag:
            pass  # raised below, outside the handler, so that no frame with the key is attached to the exception
        raise CannotDecrypt("altered, or moved from the place it was encrypted for")


def key_id_of(encrypted: bytes) -> str | None:
    """Return the id of the key that encrypted the value; None if the value contains no id."""
    try:
        return encrypted[2 : 2 + encrypted[1]].decode("ascii")
    except (IndexError, UnicodeDecodeError):
        return None


def _decode(text: str) -> bytes | None:
    try:
        key = (
            bytes.fromhex(text)
            if len(text) == 64
            else base64.b64decode(text.translate(_URLSAFE) + "==", validate=False)
        )
    except (ValueError, binascii.Error):
        return None
    return key if len(key) == 32 else None


_URLSAFE = str.maketrans("-_", "+/")


@cache
def get_keyring() -> KeyRing:
    """Return the encryption keys of PORTAL_ENCRYPTION_KEYS. Raises ImproperlyConfigured if there are none."""
    return KeyRing.parse(settings.ENCRYPTION_KEYS)


@cache
def mac_ring() -> KeyRing:
    """Return the keys that authenticate votes. Raises ImproperlyConfigured if this process has none."""
    return KeyRing.parse(settings.APPROVAL_MAC_KEYS, "PORTAL_APPROVAL_MAC_KEYS")


def compute_mac(text: str) -> str:
    """Return `key id:64 hex digits`: the HMAC-SHA256 of the text under the first key of the ring."""
    ring = mac_ring()
    return f"{ring.active}:{_hmac_of(ring.keys[ring.active], text)}"


def is_mac_of(mac: str, text: str) -> bool:
    """Return whether a key of the ring made this MAC over this text."""
    name, _, digits = mac.rpartition(":")
    key = mac_ring().keys.get(name)
    return key is not None and hmac.compare_digest(digits.encode(), _hmac_of(key, text).encode())


def _hmac_of(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@cache
def _fingerprint_key() -> bytes:
    if not settings.HOLDS_KEYS:
        raise ImproperlyConfigured(f"The process {settings.PROCESS} holds no keys and makes no fingerprints.")
    if settings.FINGERPRINT_KEY:
        return hashlib.sha256(settings.FINGERPRINT_KEY.encode()).digest()
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"countersign fingerprint")
    return kdf.derive(settings.SECRET_KEY.encode())


def keyed_fingerprint(kind: str, value: str) -> str:
    """Return a keyed digest (64 hex digits), which is equal for equal values of one kind and reveals nothing else."""
    return hmac.new(_fingerprint_key(), f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()
