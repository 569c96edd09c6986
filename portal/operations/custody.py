"""The keys the portal rests on: which, since when, what they keep. Their values are never read here."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from portal import keyring
from portal.audit.models import Checkpoint, Event
from portal.changes import rotation

_ROTATIONS = 200


@dataclass(frozen=True)
class SealingKey:
    """A key by its id. `since`: when a rotation first moved values to it; None where none is on record.

    `values` of open changes rest under it. `known` is false for one that values need and the ring lacks.
    """

    name: str
    active: bool
    known: bool
    values: int
    since: datetime | None


@dataclass(frozen=True)
class Keys:
    """`rotated_at`: when values were sealed anew last. `sealing_file_at`: when the file with the ring was written."""

    sealing: list[SealingKey]
    sealing_file_at: datetime | None
    rotated_at: datetime | None
    own_fingerprint: bool
    checkpoint: Checkpoint | None
    signing_since: datetime | None

    @property
    def behind(self) -> int:
        """Values that rest under another key than the one that seals."""
        return sum(key.values for key in self.sealing if not key.active)

    @property
    def missing(self) -> list[SealingKey]:
        """Keys that values need and this process does not have."""
        return [key for key in self.sealing if not key.known]

    @property
    def spare(self) -> list[SealingKey]:
        """Older keys of the ring that keep nothing any more."""
        return [key for key in self.sealing if key.known and not key.active and not key.values]


def keys() -> Keys:
    """As this process, the database and the log know them."""
    resting, since, rotated_at = rotation.resting(), *_rotations()
    announced = Event.objects.filter(action="audit.key_changed").first()
    return Keys(
        sealing=_sealing(resting, since),
        sealing_file_at=_written_at("PORTAL_SEALING_KEYS"),
        rotated_at=rotated_at,
        own_fingerprint=bool(settings.FINGERPRINT_KEY),
        checkpoint=Checkpoint.objects.first(),
        signing_since=announced.at if announced else None,
    )


def _sealing(resting: Counter[str], since: dict[str, datetime]) -> list[SealingKey]:
    ring = keyring.ring()
    names = [*ring.keys, *sorted(resting.keys() - ring.keys.keys())]
    return [SealingKey(name, name == ring.active, name in ring.keys, resting[name], since.get(name)) for name in names]


def _rotations() -> tuple[dict[str, datetime], datetime | None]:
    """By key the first rotation to it among the newest on record, and the last one of all."""
    events = list(Event.objects.filter(action="sealing.rotated")[:_ROTATIONS])
    since = {str(event.entry.data.get("key", "")): event.at for event in events if event.entry}
    return since, events[0].at if events else None


def _written_at(setting: str) -> datetime | None:
    path = os.environ.get(f"{setting}_FILE")
    with suppress(OSError):
        return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC) if path else None
    return None
