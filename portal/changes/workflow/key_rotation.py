"""Sealed values moved to the ring's first key while everything runs, so that an older key can be taken off the ring."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import BinaryField, F
from django.db.models.functions import Substr

from portal.audit import ledger
from portal.changes.domain import secret_encryption
from portal.changes.models import OPEN, Revision, Status, Vote
from portal.changes.transitions import lock_change
from portal.common import keyring

_BATCH = 50


@dataclass(frozen=True)
class RotationResult:
    """`moved` values are under the key `to` now; `left` counts those still under another key, by its id.

    `unopened` are the changes (ids) whose value no key of the ring opens.
    """

    to: str
    moved: int
    left: Counter[str]
    unopened: list[int]


def rotate_encryption_key(*, by: str) -> RotationResult:
    """Seal every value that rests under another key anew. May run beside anything, itself included, and again.

    A batch is one transaction with its event: the rows of its changes are held, in order, for some milliseconds.
    """
    to = keyring.get_keyring().active
    behind = _behind(to)
    moved, unopened = 0, list[int]()
    for start in range(0, len(behind), _BATCH):
        done, stuck = _move(behind[start : start + _BATCH], to, by=by)
        moved += done
        unopened += stuck
    return RotationResult(to, moved, Counter(key for _, _, key in _behind(to)), unopened)


def count_values_by_key() -> Counter[str]:
    """How many values of open changes rest under each key, by its id; their first bytes name it."""
    held = Revision.objects.filter(change__status__in=OPEN).exclude(sealed_secret=None)
    heads = held.values_list(Substr("sealed_secret", 1, 34, output_field=BinaryField()), flat=True)
    return Counter(keyring.key_id_of(bytes(head)) or "?" for head in heads.iterator())


def count_votes_by_key() -> Counter[str]:
    """Count the standing votes of changes that may still be sent, by the id of the key that authenticates each."""
    may_be_sent = (*OPEN, Status.FAILED)
    votes = Vote.objects.filter(change__status__in=may_be_sent, revision=F("change__revision"), voided_at=None)
    return Counter(mac.rpartition(":")[0] or "?" for mac in votes.values_list("mac", flat=True).iterator())


def _behind(to: str) -> list[tuple[int, UUID, str]]:
    """Change, revision and key of what rests under another key than `to`, by change."""
    rows = Revision.objects.exclude(sealed_secret=None).order_by("change_id", "number")
    named = (
        (change_id, pk, keyring.key_id_of(bytes(blob or b"")) or "?")
        for change_id, pk, blob in rows.values_list("change_id", "pk", "sealed_secret").iterator()
    )
    return [each for each in named if each[2] != to]


def _move(batch: list[tuple[int, UUID, str]], to: str, *, by: str) -> tuple[int, list[int]]:
    """How many were sealed anew, and the changes whose value does not open."""
    moved: Counter[str] = Counter()
    unopened = []
    with transaction.atomic(durable=True):
        for change_id in sorted({change_id for change_id, _, _ in batch}):
            lock_change(change_id)
        for change_id, revision_id, key in batch:
            try:
                moved[key] += _reseal(revision_id)
            except keyring.CannotDecrypt:
                unopened.append(change_id)
        if moved.total():
            ledger.record_event(
                "sealing.rotated", by=by, data={"rows": moved.total(), "key": to, "old_keys": sorted(+moved)}
            )
    return moved.total(), unopened


def _reseal(revision_id: UUID) -> int:
    """1, or 0 where the value was erased, or sealed anew by somebody else, in the meantime."""
    blob = Revision.objects.values_list("sealed_secret", flat=True).get(pk=revision_id)
    if blob is None:
        return 0
    anew = secret_encryption.reencrypt_secret(blob, revision_id).blob
    return Revision.objects.filter(pk=revision_id, sealed_secret=blob).update(sealed_secret=anew)
