"""seal() and open() of a proposed client secret: the only two places of the portal that touch the plaintext at rest."""

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
    """A sealed client secret, its keyed fingerprint and its traits; none of them shows the value."""

    blob: bytes
    fingerprint: str
    traits: Mapping[str, Any]


def encrypt_secret(value: SecretStr, revision_id: UUID) -> EncryptedSecret:
    """Bind the value to its row and field: the blob opens for this revision only."""
    plaintext = value.reveal()
    blob = keyring.get_keyring().seal(plaintext.encode(), _place(revision_id))
    return EncryptedSecret(blob, fingerprint_secret(value), strength_of_secret(value))


def decrypt_secret(blob: bytes | memoryview, revision_id: UUID) -> SecretStr:
    """The value. Raises keyring.CannotDecrypt."""
    return SecretStr(keyring.get_keyring().open(bytes(blob), _place(revision_id)).decode())


def reencrypt_secret(
    blob: bytes | memoryview, revision_id: UUID, new_revision_id: UUID | None = None
) -> EncryptedSecret:
    """The same value sealed with the ring's first key, for another revision where one is named.

    Raises keyring.CannotDecrypt.
    """
    return encrypt_secret(decrypt_secret(blob, revision_id), new_revision_id or revision_id)


def fingerprint_secret(value: SecretStr) -> str:
    """The keyed fingerprint of a client secret, the same kind as that of a reading."""
    return keyring.keyed_fingerprint("client_secret", value.reveal())


def strength_of_secret(value: SecretStr) -> dict[str, Any]:
    """What may be told of a client secret, in the form of traits.measure_strength."""
    return secret_strength.measure_strength(value.reveal())


def _place(revision_id: UUID) -> bytes:
    return f"changes_revision|{revision_id}|client_secret".encode()
