"""The sealer: gives committed events leaf numbers, extends the tree, signs checkpoints (reliability B10).

A batch is one transaction: leaves, subtrees, checkpoint and the emptied queue are committed together or not at all. A
sealer that is killed therefore leaves no gap, no leaf twice, and never two roots for one size.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import timezone

from portal.audit import routines
from portal.audit.entry import UnreadableEntry, parse_entry
from portal.audit.ledger import record_event
from portal.audit.models import Checkpoint, Event, Subtree, TreeLeaf, UnsealedEvent
from portal.audit.sealing import checkpoint_files, clock, log_origin, merkle, signed_note
from portal.audit.sealing.inclusion_proofs import STRIDE, MissingNode, StoredTree
from portal.common.failpoints import failpoint

_BATCH = 4096
_DATED_EVERY = timedelta(days=1)
_LOCK = 0x41555345414C  # "AUSEAL"
_KEEP = """
    INSERT INTO audit_treeleaf (leaf, event, leaf_hash) SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])
"""
_ADVICE = "Somebody altered the log, and nothing is signed over that. manage.py verify_audit names the place."


class NoSigningKey(Exception):
    """A process without AUDIT_SIGNING_KEY: it cannot seal."""


class KeyNotHandedOver(Exception):
    """A new signing key that the old key has not named, because this process lacks the old key."""


class LogWasAltered(Exception):
    """A stored tree that differs from what was signed last. No checkpoint may be signed over it."""


def seal_pending_events(*, old_key_is_lost: bool = False) -> int:
    """Seal the committed events that wait; return how many were sealed, 0 if another sealer is at work.

    The old key must name a new one, unless the old key is lost: outside auditors must then be given the new key. Raises
    NoSigningKey, KeyNotHandedOver, LogWasAltered, checkpoint_files.LogTruncated, clock.ClocksDiffer,
    ImproperlyConfigured for an invalid key, and OSError if a checkpoint folder is set and what it contains cannot be
    read.
    """
    signers = _signers()
    if not signers:
        raise NoSigningKey("The audit log is not sealed: set AUDIT_SIGNING_KEY (openssl rand -base64 32).")
    checkpoint_files.require_untruncated_log(_known_keys(signers))
    total = 0
    while batch := _seal_batch(signers, old_key_is_lost=old_key_is_lost):
        total += batch
    total += _date_log(signers)
    failpoint("sealed")
    checkpoint_files.write_checkpoint_file()
    return total


def get_signing_public_key() -> signed_note.Verifier | None:
    """Return the public key of this process; None if it has no signing key, like the web processes."""
    return next((signer.verifier for signer in _signers()), None)


def _signers() -> list[signed_note.Signer]:
    """Return the key that signs, then older keys, which only sign the note that names the next key."""
    seeds = settings.AUDIT_SIGNING_KEY.split(",") if settings.AUDIT_SIGNING_KEY else []
    try:
        return [signed_note.Signer.parse(_origin(), seed) for seed in seeds]
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None


def _known_keys(signers: list[signed_note.Signer]) -> list[signed_note.Verifier]:
    """Return the public keys of this process and those the log has announced, since a private key may be lost."""
    keys = [signer.verifier for signer in signers]
    for text in Event.objects.filter(action="audit.key_changed").values_list("text", flat=True):
        with suppress(UnreadableEntry, signed_note.InvalidNote):
            keys.append(signed_note.Verifier.parse(str(parse_entry(text).data.get("new_key"))))
    return keys


def _origin() -> str:
    """Return the name of this log. Raises ImproperlyConfigured for a demo's log if the demo is off."""
    log_origin.require_demo_mode()
    return log_origin.find_origin() or log_origin.build_origin()


@transaction.atomic(durable=True)
def _seal_batch(signers: list[signed_note.Signer], *, old_key_is_lost: bool) -> int:
    """Seal the oldest pending events in a durable transaction; return how many were sealed."""
    if not _alone():
        return 0
    newest = Checkpoint.objects.first()
    waiting = list(UnsealedEvent.objects.order_by("event").values_list("event", flat=True)[:_BATCH])
    if newest is None or newest.key_id != signers[0].verifier.key_id:
        waiting = [_announce_key(signers, newest, old_key_is_lost=old_key_is_lost)]
    if not waiting:
        return 0
    sealed = set(TreeLeaf.objects.filter(event__in=waiting).values_list("event", flat=True))
    texts = Event.objects.filter(pk__in=waiting).exclude(pk__in=sealed).order_by("pk").values_list("pk", "text")
    size = _grow(newest, list(texts), signers)
    UnsealedEvent.objects.filter(event__in=waiting).delete()
    failpoint("signed")
    return size


@transaction.atomic(durable=True)
def _date_log(signers: list[signed_note.Signer]) -> int:
    """Put a signed time over all leaves into the log, sealed alone; return how many events were sealed.

    This happens once a day, if no event waits. It shows verifiers the least age of a leaf, whatever a role that owns
    the tables writes (verification/ages.py).
    """
    newest, oldest = Checkpoint.objects.first(), Checkpoint.objects.last()
    if newest is None or oldest is None or newest.key_id != signers[0].verifier.key_id:
        return 0
    last = routines.done_at(routines.DATE) or oldest.at
    if timezone.now() - last < _DATED_EVERY or not _alone() or UnsealedEvent.objects.exists():
        return 0
    at = clock.signing_time()
    note = signers[0].sign(signed_note.CheckpointBody(signers[0].name, newest.size, bytes(newest.root), at))
    number = record_event("audit.dated", data={"note": note})
    UnsealedEvent.objects.filter(event=number).delete()
    text = Event.objects.values_list("text", flat=True).get(pk=number)
    routines.mark_done(routines.DATE, at=at)
    return _grow(newest, [(number, text)], signers)


def _alone() -> bool:
    """Take the sealer's lock until the transaction ends; return whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _announce_key(signers: list[signed_note.Signer], newest: Checkpoint | None, *, old_key_is_lost: bool) -> int:
    """Record the event of a new key, to be sealed first and alone: the new key signs from here on.

    The old key names the new one, so that a verifier that trusts any key of the log can follow the keys to the newest.
    Raises KeyNotHandedOver.
    """
    verifier = signers[0].verifier
    if newest is None:
        return record_event("audit.key_changed", data={"old_key": "", "new_key": str(verifier), "hand_over": ""})
    old = next((signer for signer in signers[1:] if signer.verifier.key_id == newest.key_id), None)
    if old is None and not old_key_is_lost:
        raise KeyNotHandedOver(
            f"The log is signed with key {newest.key_id} so far, and AUDIT_SIGNING_KEY is {verifier.key_id}. Set it to"
            " NEW,OLD until the first sealing; where the old key is lost: manage.py seal_audit --old-key-is-lost"
        )
    data = {
        "old_key": str(old.verifier) if old else newest.key_id,
        "new_key": str(verifier),
        "hand_over": old.hand_over(verifier) if old else "",
    }
    return record_event("audit.key_changed", data=data)


def _grow(newest: Checkpoint | None, texts: list[tuple[int, str]], signers: list[signed_note.Signer]) -> int:
    """Append these events to the tree of the newest checkpoint and sign the result; return how many they were."""
    if not texts:
        return 0
    head, signer = _head(newest, signers), signers[0]
    seals, subtrees = [], []
    for event, text in texts:
        leaf_hash = merkle.leaf_hash(text.encode())
        seals.append(TreeLeaf(leaf=head.size, event=event, leaf_hash=leaf_hash))
        for level, index, root in head.append(leaf_hash):
            if level % STRIDE == 0:
                subtrees.append(Subtree(level=level, index=index, root=root))
    _keep(seals)
    failpoint("grown")
    Subtree.objects.bulk_create(subtrees)
    at = clock.signing_time()
    checkpoint = signed_note.CheckpointBody(signer.name, head.size, head.root(), at)
    Checkpoint.objects.create(
        size=checkpoint.size,
        root=checkpoint.root,
        note=signer.sign(checkpoint),
        key_id=signer.verifier.key_id,
        at=at,
    )
    return len(texts)


def _keep(seals: list[TreeLeaf]) -> None:
    """Insert the leaves as three arrays: bulk_create takes half of the sealing time, as Django binds no bytea array."""
    with connection.cursor() as cursor:
        columns = zip(*((seal.leaf, seal.event, seal.leaf_hash) for seal in seals), strict=True)
        cursor.execute(_KEEP, [list(column) for column in columns])


def _head(newest: Checkpoint | None, signers: list[signed_note.Signer]) -> merkle.MerkleTree:
    """Return the stored tree, which has the root that was signed last. Raises LogWasAltered.

    The next root is computed from this tree and no older leaf, so that an alteration of older leaves is never signed.
    """
    if newest is None:
        return merkle.MerkleTree()
    try:
        said, head = _signed(newest, signers), merkle.MerkleTree.at(newest.size, StoredTree())
    except (signed_note.InvalidNote, MissingNode) as error:
        raise LogWasAltered(f"The checkpoint of {newest.size} events: {error}. {_ADVICE}") from None
    if (said.size, said.root) != (newest.size, head.root()):
        raise LogWasAltered(f"The first {newest.size} events are not those that were signed. {_ADVICE}")
    return head


def _signed(newest: Checkpoint, signers: list[signed_note.Signer]) -> signed_note.CheckpointBody:
    """Return the checkpoint that the note states, not its columns; unverified if this process lacks the key."""
    signer = next((signer for signer in signers if signer.verifier.key_id == newest.key_id), None)
    return signer.verifier.open(newest.note) if signer else signed_note.parse_unverified(newest.note)
