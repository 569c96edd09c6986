"""Inventory of the portal's keys: which there are, since when, and what they protect. It reads no key values."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from portal.audit.models import Checkpoint, Event
from portal.changes.workflow import key_rotation
from portal.common import keyring
from portal.operations.models import KnownKey

_ROTATIONS = 200
_OTHERS = {
    "SECRET_KEY": "PORTAL_SECRET_KEY",
    "FINGERPRINT_KEY": "PORTAL_FINGERPRINT_KEY",
    "APPROVAL_MAC_KEYS": "PORTAL_APPROVAL_MAC_KEYS",
    "SEGURA_CLIENT_SECRET": "SEGURA_CLIENT_SECRET",
    "SEGURA_SCIM_CLIENT_SECRET": "SEGURA_SCIM_CLIENT_SECRET",
    "METRICS_TOKEN": "PORTAL_METRICS_TOKEN",
}
"""Name in the environment, by setting. No id of these is stored, since it would allow testing guesses."""


@dataclass(frozen=True)
class EncryptionKey:
    """A key by its id. `since`: the first rotation to it; None if none is recorded.

    `seen_at`: when a worker first started with it; None if none has. `values`: encrypted values of open changes.
    `known` is false for a key that values need and the ring lacks.
    """

    name: str
    active: bool
    known: bool
    values: int
    since: datetime | None
    seen_at: datetime | None


@dataclass(frozen=True)
class ApprovalKey:
    """Key that authenticates votes, or one that votes need and the ring lacks (`known` is false)."""

    name: str
    active: bool
    known: bool
    votes: int


@dataclass(frozen=True)
class StoredCredential:
    """Secret of the settings, by name. `written_at`: date of its file; None without a readable file."""

    name: str
    present: bool
    written_at: datetime | None


@dataclass(frozen=True)
class KeyInventory:
    """Keys. `rotated_at`: last rotation of encrypted values; `sealing_file_at`: date of the file with the key ring."""

    sealing: list[EncryptionKey]
    approval: list[ApprovalKey]
    sealing_file_at: datetime | None
    rotated_at: datetime | None
    own_fingerprint: bool
    kept: dict[str, StoredCredential]
    checkpoint: Checkpoint | None
    signing_since: datetime | None

    @property
    def behind(self) -> int:
        """Number of values encrypted with another key than the active one."""
        return sum(key.values for key in self.sealing if not key.active)

    @property
    def missing(self) -> list[EncryptionKey]:
        """Keys that values need and this process lacks."""
        return [key for key in self.sealing if not key.known]

    @property
    def spare(self) -> list[EncryptionKey]:
        """Older keys of the ring that no value needs any more."""
        return [key for key in self.sealing if key.known and not key.active and not key.values]


def build_key_inventory() -> KeyInventory:
    """Build the inventory from this process's settings, the database and the audit log."""
    resting, since, rotated_at = key_rotation.count_values_by_key(), *_rotations()
    announced = Event.objects.filter(action="audit.key_changed").first()
    return KeyInventory(
        sealing=_sealing(resting, since),
        approval=_approval(key_rotation.count_votes_by_key()),
        sealing_file_at=_written_at("PORTAL_ENCRYPTION_KEYS"),
        rotated_at=rotated_at,
        own_fingerprint=bool(settings.FINGERPRINT_KEY),
        kept={attribute: _kept(name, attribute) for attribute, name in _OTHERS.items()},
        checkpoint=Checkpoint.objects.first(),
        signing_since=announced.entry.at if announced and announced.entry else None,
    )


def record_known_keys() -> None:
    """Record when the keys of this process's ring were first seen. Raises DatabaseError."""
    now = timezone.now()
    met = [KnownKey(name=name, first_seen_at=now) for name in keyring.get_keyring().keys]
    KnownKey.objects.bulk_create(met, ignore_conflicts=True)


def _kept(name: str, attribute: str) -> StoredCredential:
    return StoredCredential(name, bool(getattr(settings, attribute)), _written_at(name))


def _sealing(resting: Counter[str], since: dict[str, datetime]) -> list[EncryptionKey]:
    ring = keyring.get_keyring()
    names = [*ring.keys, *sorted(resting.keys() - ring.keys.keys())]
    seen = dict(KnownKey.objects.filter(name__in=names).values_list("name", "first_seen_at"))
    return [
        EncryptionKey(name, name == ring.active, name in ring.keys, resting[name], since.get(name), seen.get(name))
        for name in names
    ]


def _approval(votes: Counter[str]) -> list[ApprovalKey]:
    """Return the keys of this process's ring and others that votes need; empty if this process has no ring."""
    if not settings.APPROVAL_MAC_KEYS:
        return []
    ring = keyring.mac_ring()
    names = [*ring.keys, *sorted(votes.keys() - ring.keys.keys())]
    return [ApprovalKey(name, name == ring.active, name in ring.keys, votes[name]) for name in names]


def _rotations() -> tuple[dict[str, datetime], datetime | None]:
    """Return, by key, the first of the newest recorded rotations to it, and the time of the last rotation."""
    events = Event.objects.filter(action="encryption_key.rotated")[:_ROTATIONS]
    entries = [event.entry for event in events if event.entry]
    since = {str(entry.data.get("key", "")): entry.at for entry in entries}
    return since, entries[0].at if entries else None


def _written_at(setting: str) -> datetime | None:
    path = os.environ.get(f"{setting}_FILE")
    with suppress(OSError):
        return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC) if path else None
    return None
