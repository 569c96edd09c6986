"""The keys the portal rests on: which, since when, what they keep. Their values are never read here."""

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
"""By setting, how the environment names it. No id of these is kept: a guess could be tried on it."""


@dataclass(frozen=True)
class EncryptionKey:
    """A key by its id. `since`: when a rotation first moved values to it; None where none is on record.

    `seen_at`: when a worker first started with it; None where none has. `values` of open changes rest under it. `known`
    is false for one that values need and the ring lacks.
    """

    name: str
    active: bool
    known: bool
    values: int
    since: datetime | None
    seen_at: datetime | None


@dataclass(frozen=True)
class ApprovalKey:
    """A key of the ring that authenticates votes, or one that votes need and the ring lacks (`known` is false)."""

    name: str
    active: bool
    known: bool
    votes: int


@dataclass(frozen=True)
class StoredCredential:
    """A secret of the settings, by its name. `written_at`: its file's date; None where it has no readable file."""

    name: str
    present: bool
    written_at: datetime | None


@dataclass(frozen=True)
class KeyInventory:
    """`rotated_at`: when values were sealed anew last. `sealing_file_at`: when the file with the ring was written."""

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
        """Values that rest under another key than the one that seals."""
        return sum(key.values for key in self.sealing if not key.active)

    @property
    def missing(self) -> list[EncryptionKey]:
        """Keys that values need and this process does not have."""
        return [key for key in self.sealing if not key.known]

    @property
    def spare(self) -> list[EncryptionKey]:
        """Older keys of the ring that keep nothing any more."""
        return [key for key in self.sealing if key.known and not key.active and not key.values]


def build_key_inventory() -> KeyInventory:
    """As this process, the database and the log know them."""
    resting, since, rotated_at = key_rotation.count_values_by_key(), *_rotations()
    announced = Event.objects.filter(action="audit.key_changed").first()
    return KeyInventory(
        sealing=_sealing(resting, since),
        approval=_approval(key_rotation.count_votes_by_key()),
        sealing_file_at=_written_at("PORTAL_SEALING_KEYS"),
        rotated_at=rotated_at,
        own_fingerprint=bool(settings.FINGERPRINT_KEY),
        kept={attribute: _kept(name, attribute) for attribute, name in _OTHERS.items()},
        checkpoint=Checkpoint.objects.first(),
        signing_since=announced.entry.at if announced and announced.entry else None,
    )


def record_known_keys() -> None:
    """Keep when the keys of this process's ring were first met. Raises DatabaseError."""
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
    """The keys of this process's ring, and those that votes need beside them; none if it was given no ring."""
    if not settings.APPROVAL_MAC_KEYS:
        return []
    ring = keyring.mac_ring()
    names = [*ring.keys, *sorted(votes.keys() - ring.keys.keys())]
    return [ApprovalKey(name, name == ring.active, name in ring.keys, votes[name]) for name in names]


def _rotations() -> tuple[dict[str, datetime], datetime | None]:
    """By key the first rotation to it among the newest on record, and the last one of all."""
    events = Event.objects.filter(action="sealing.rotated")[:_ROTATIONS]
    entries = [event.entry for event in events if event.entry]
    since = {str(entry.data.get("key", "")): entry.at for entry in entries}
    return since, entries[0].at if entries else None


def _written_at(setting: str) -> datetime | None:
    path = os.environ.get(f"{setting}_FILE")
    with suppress(OSError):
        return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC) if path else None
    return None
