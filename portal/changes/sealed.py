"""seal() and open() of a proposed client secret: the only two places of the portal that touch the plaintext at rest."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from portal import keyring
from portal.vault.entity import Secret


@dataclass(frozen=True)
class Sealed:
    """A sealed client secret and its keyed fingerprint; neither shows the value."""

    blob: bytes
    fingerprint: str


def seal(value: Secret, revision_id: UUID) -> Sealed:
    """Bind the value to its row and field: the blob opens for this revision only."""
    plaintext = value.reveal()
    return Sealed(keyring.ring().seal(plaintext.encode(), _place(revision_id)), fingerprint(value))


def open(blob: bytes | memoryview, revision_id: UUID) -> Secret:  # noqa: A001 - the counterpart of seal
    """The value. Raises keyring.CannotOpen."""
    return Secret(keyring.ring().open(bytes(blob), _place(revision_id)).decode())


def reseal(kept: Sealed, revision_id: UUID, new_revision_id: UUID) -> Sealed:
    """The same value bound to another revision: what a person keeps when they edit on. Raises keyring.CannotOpen."""
    return seal(open(kept.blob, revision_id), new_revision_id)


def fingerprint(value: Secret) -> str:
    """The keyed fingerprint of a client secret, the same kind as that of a reading."""
    return keyring.fingerprint("client_secret", value.reveal())


def _place(revision_id: UUID) -> bytes:
    return f"changes_revision|{revision_id}|client_secret".encode()
