"""Encryption of proposed client secrets for storage: no other module encrypts or decrypts the stored values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from portal.changes.domain import secret_strength
from portal.common import keyring
from portal.vault.entities import SecretStr


@dataclass(frozen=True)
class EncryptedSecret:
    """Encrypted client secret, its keyed fingerprint and its traits; none of them reveals the value."""

    blob: bytes
    fingerprint: str
    traits: Mapping[str, Any]


def encrypt_secret(value: SecretStr, revision_id: UUID) -> EncryptedSecret:
    """Encrypt the value, bound to its row and field: only with this revision id can it be decrypted."""
    plaintext = value.reveal()
    blob = keyring.get_keyring().encrypt(plaintext.encode(), _place(revision_id))
    return EncryptedSecret(blob, fingerprint_secret(value), strength_of_secret(value))


def decrypt_secret(blob: bytes | memoryview, revision_id: UUID) -> SecretStr:
    """Return the decrypted value. Raises keyring.CannotDecrypt."""
    return SecretStr(keyring.get_keyring().decrypt(bytes(blob), _place(revision_id)).decode())


def reencrypt_secret(
    blob: bytes | memoryview, revision_id: UUID, new_revision_id: UUID | None = None
) -> EncryptedSecret:
    """Return the same value encrypted with the first key of the ring, for the new revision if one is given.

    Raises keyring.CannotDecrypt.
    """
    return encrypt_secret(decrypt_secret(blob, revision_id), new_revision_id or revision_id)


def fingerprint_secret(value: SecretStr) -> str:
    """Return the keyed fingerprint of a client secret, comparable with that of a read-back."""
    return keyring.keyed_fingerprint("client_secret", value.reveal())


def strength_of_secret(value: SecretStr) -> dict[str, Any]:
    """Return the traits of a client secret, as secret_strength.measure_strength() builds them."""
    return secret_strength.measure_strength(value.reveal())


def _place(revision_id: UUID) -> bytes:
    return f"changes_revision|{revision_id}|client_secret".encode()
