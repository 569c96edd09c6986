"""Rotation of the encryption key: encrypt all stored values with the keyring's first key while the portal runs.

Afterwards an older key can be removed from the keyring.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import BinaryField, F
from django.db.models.functions import Substr

from portal.accounts.factors import stored_secrets
from portal.audit import ledger
from portal.changes.domain import secret_encryption
from portal.changes.models import OPEN, Revision, Status, Vote
from portal.changes.transitions import lock_change
from portal.common import keyring

_BATCH = 50


@dataclass(frozen=True)
class RotationResult:
    """Result of a rotation: `moved` values were encrypted again, with the key `to`; `left` counts the others by key id.

    `unopened` are the changes (ids) whose value no key of the keyring decrypts.
    """

    to: str
    moved: int
    left: Counter[str]
    unopened: list[int]


def rotate_encryption_key(*, by: str) -> RotationResult:
    """Encrypt every value that is under another key again, with the keyring's first key.

    May run beside everything else, another rotation included, and may be repeated. A batch is one transaction with its
    event: the rows of its changes are locked, in order, for some milliseconds.
    """
    to = keyring.get_keyring().active
    behind = _behind(to)
    moved, unopened = _move_factors(to, by=by), list[int]()
    for start in range(0, len(behind), _BATCH):
        done, stuck = _move(behind[start : start + _BATCH], to, by=by)
        moved += done
        unopened += stuck
    left = Counter(key for _, _, key in _behind(to)) + stored_secrets.count_secrets_by_key()
    del left[to]
    return RotationResult(to, moved, left, unopened)


def count_values_by_key() -> Counter[str]:
    """Count the encrypted values of open changes and of second factors by key id, which is in their first bytes."""
    held = Revision.objects.filter(change__status__in=OPEN).exclude(encrypted_secret=None)
    heads = held.values_list(Substr("encrypted_secret", 1, 34, output_field=BinaryField()), flat=True)
    values = Counter(keyring.key_id_of(bytes(head)) or "?" for head in heads.iterator())
    return values + stored_secrets.count_secrets_by_key()


def count_votes_by_key() -> Counter[str]:
    """Count the votes on current revisions that may still be sent, without voided votes, by the id of their MAC key."""
    may_be_sent = (*OPEN, Status.FAILED)
    votes = Vote.objects.filter(change__status__in=may_be_sent, revision=F("change__revision"), voided_at=None)
    return Counter(mac.rpartition(":")[0] or "?" for mac in votes.values_list("mac", flat=True).iterator())


def _behind(to: str) -> list[tuple[int, UUID, str]]:
    """Return change, revision and key id of each value that is under another key than `to`, ordered by change."""
    rows = Revision.objects.exclude(encrypted_secret=None).order_by("change_id", "number")
    named = (
        (change_id, pk, keyring.key_id_of(bytes(blob or b"")) or "?")
        for change_id, pk, blob in rows.values_list("change_id", "pk", "encrypted_secret").iterator()
    )
    return [each for each in named if each[2] != to]


def _move_factors(to: str, *, by: str) -> int:
    """Encrypt the secrets of second factors again; return their number."""
    with transaction.atomic(durable=True):
        moved = stored_secrets.reencrypt_secrets(to)
        if moved:
            ledger.record_event(
                "encryption_key.rotated", by=by, data={"rows": moved.total(), "key": to, "old_keys": sorted(moved)}
            )
    return moved.total()


def _move(batch: list[tuple[int, UUID, str]], to: str, *, by: str) -> tuple[int, list[int]]:
    """Encrypt a batch again; return the number of values, and the changes whose value cannot be decrypted."""
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
                "encryption_key.rotated", by=by, data={"rows": moved.total(), "key": to, "old_keys": sorted(+moved)}
            )
    return moved.total(), unopened


def _reseal(revision_id: UUID) -> int:
    """Encrypt one value again and return 1; return 0 if it was erased or another process encrypted it meanwhile."""
    blob = Revision.objects.values_list("encrypted_secret", flat=True).get(pk=revision_id)
    if blob is None:
        return 0
    reencrypted = secret_encryption.reencrypt_secret(blob, revision_id).blob
    return Revision.objects.filter(pk=revision_id, encrypted_secret=blob).update(encrypted_secret=reencrypted)
