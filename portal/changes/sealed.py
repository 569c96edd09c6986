"""seal() and open() of a proposed client secret: the only two places of the portal that touch the plaintext at rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from portal import keyring
from portal.changes import traits
from portal.vault.entity import Secret


@dataclass(frozen=True)
class Sealed:
    """A sealed client secret, its keyed fingerprint and its traits; none of them shows the value."""

    blob: bytes
    fingerprint: str
    traits: Mapping[str, Any]


def seal(value: Secret, revision_id: UUID) -> Sealed:
    """Bind the value to its row and field: the blob opens for this revision only."""
    plaintext = value.reveal()
    blob = keyring.ring().seal(plaintext.encode(), _place(revision_id))
    return Sealed(blob, fingerprint(value), traits_of(value))


def open(blob: bytes | memoryview, revision_id: UUID) -> Secret:  # noqa: A001 - the counterpart of seal
    """The value. Raises keyring.CannotOpen."""
    return Secret(keyring.ring().open(bytes(blob), _place(revision_id)).decode())


def reseal(blob: bytes | memoryview, revision_id: UUID, new_revision_id: UUID | None = None) -> Sealed:
    """The same value sealed with the ring's first key, for another revision where one is named.

    Raises keyring.CannotOpen.
    """
    return seal(open(blob, revision_id), new_revision_id or revision_id)


def fingerprint(value: Secret) -> str:
    """The keyed fingerprint of a client secret, the same kind as that of a reading."""
    return keyring.fingerprint("client_secret", value.reveal())


def traits_of(value: Secret) -> dict[str, Any]:
    """What may be told of a client secret, in the form of traits.of."""
    return traits.of(value.reveal())


def _place(revision_id: UUID) -> bytes:
    return f"changes_revision|{revision_id}|client_secret".encode()
