"""The one sealer: gives committed events leaf numbers, grows the tree, signs checkpoints (reliability B10).

A batch is one transaction: leaves, subtrees, checkpoint and the emptied queue come together or not at all, so a
sealer that is killed leaves no gap, no leaf twice, and never two roots for one size.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import timezone

from portal.audit import routines
from portal.audit.entry import UnreadableEntry, parse_entry
from portal.audit.ledger import record_event
from portal.audit.models import Checkpoint, Event, Seal, Subtree, Unsealed
from portal.audit.sealing import checkpoint_files, clock, merkle, signed_note
from portal.audit.sealing.inclusion_proofs import STRIDE, MissingNode, StoredTree
from portal.common.failpoints import failpoint

_BATCH = 4096
_DATED_EVERY = timedelta(days=1)
_LOCK = 0x41555345414C  # "AUSEAL"
_KEEP = """
    INSERT INTO audit_seal (leaf, event, leaf_hash) SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])
"""
_ADVICE = "Somebody altered the log, and nothing is signed over that. manage.py verify_audit names the place."


class NoSigningKey(Exception):
    """AUDIT_SIGNING_KEY is not set: this process cannot seal."""


class KeyNotHandedOver(Exception):
    """The log was signed with another key so far, which this process lacks to name the new one."""


class LogWasAltered(Exception):
    """What is kept of the tree is not what was signed last. Nothing may be signed over it."""


def seal_pending_events(*, old_key_is_lost: bool = False) -> int:
    """Seal what is committed and waits; how many events that were, none where another sealer is at work.

    A new key is taken only from the hand of the old one, unless that is lost: outsiders then need the new one anew.
    Raises NoSigningKey, KeyNotHandedOver, LogWasAltered, published.LogTruncated, clock.ClocksDiffer,
    ImproperlyConfigured for a key
    that is none, and OSError where a checkpoint folder is set and what it holds cannot be read.
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
    """The public half of this process's key; None where it has none, as the pages have not."""
    return next((signer.verifier for signer in _signers()), None)


def _signers() -> list[signed_note.Signer]:
    """The key that signs, then older ones, which only name it as the next."""
    seeds = settings.AUDIT_SIGNING_KEY.split(",") if settings.AUDIT_SIGNING_KEY else []
    try:
        return [signed_note.Signer.parse(_origin(), seed) for seed in seeds]
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None


def _known_keys(signers: list[signed_note.Signer]) -> list[signed_note.Verifier]:
    """The public keys of this process, and those the log has announced: one of them may be lost."""
    keys = [signer.verifier for signer in signers]
    for text in Event.objects.filter(action="audit.key_changed").values_list("text", flat=True):
        with suppress(UnreadableEntry, signed_note.InvalidNote):
            keys.append(signed_note.Verifier.parse(str(parse_entry(text).data.get("new_key"))))
    return keys


def _origin() -> str:
    """The name of this log: what its first checkpoint says, so that it outlives a move to another address."""
    newest = Checkpoint.objects.first()
    if newest is not None:
        return signed_note.parse_unverified(newest.note).origin
    return f"{urlsplit(settings.BASE_URL).hostname}/countersign-audit"


@transaction.atomic(durable=True)
def _seal_batch(signers: list[signed_note.Signer], *, old_key_is_lost: bool) -> int:
    """Seal the oldest events that wait, and commit."""
    if not _alone():
        return 0
    newest = Checkpoint.objects.first()
    waiting = list(Unsealed.objects.order_by("event").values_list("event", flat=True)[:_BATCH])
    if newest is None or newest.key_id != signers[0].verifier.key_id:
        waiting = [_announce_key(signers, newest, old_key_is_lost=old_key_is_lost)]
    if not waiting:
        return 0
    sealed = set(Seal.objects.filter(event__in=waiting).values_list("event", flat=True))
    texts = Event.objects.filter(pk__in=waiting).exclude(pk__in=sealed).order_by("pk").values_list("pk", "text")
    size = _grow(newest, list(texts), signers)
    Unsealed.objects.filter(event__in=waiting).delete()
    failpoint("signed")
    return size


@transaction.atomic(durable=True)
def _date_log(signers: list[signed_note.Signer]) -> int:
    """Once a day, where nothing waits: put a signed time over all leaves into the log, sealed alone; how many that was.

    By it verifiers know how old a leaf is at least, whatever those say who own the tables (ages.py).
    """
    newest, oldest = Checkpoint.objects.first(), Checkpoint.objects.last()
    if newest is None or oldest is None or newest.key_id != signers[0].verifier.key_id:
        return 0
    last = routines.done_at(routines.DATE) or oldest.at
    if timezone.now() - last < _DATED_EVERY or not _alone() or Unsealed.objects.exists():
        return 0
    at = clock.signing_time()
    note = signers[0].sign(signed_note.CheckpointBody(signers[0].name, newest.size, bytes(newest.root), at))
    number = record_event("audit.dated", data={"note": note})
    Unsealed.objects.filter(event=number).delete()
    text = Event.objects.values_list("text", flat=True).get(pk=number)
    routines.mark_done(routines.DATE, at=at)
    return _grow(newest, [(number, text)], signers)


def _alone() -> bool:
    """Whether this transaction is the only sealer's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _announce_key(signers: list[signed_note.Signer], newest: Checkpoint | None, *, old_key_is_lost: bool) -> int:
    """The event of a new key, to be sealed first and alone: from here on it signs, named by the one before it.

    So who trusts any key of the log can follow it to the newest. Raises KeyNotHandedOver.
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
    """Append these events to the tree of the newest checkpoint and sign it; how many they were."""
    if not texts:
        return 0
    head, signer = _head(newest, signers), signers[0]
    seals, subtrees = [], []
    for event, text in texts:
        leaf_hash = merkle.leaf_hash(text.encode())
        seals.append(Seal(leaf=head.size, event=event, leaf_hash=leaf_hash))
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


def _keep(seals: list[Seal]) -> None:
    """As three arrays: bulk_create is half of a sealing, for Django takes no array of bytes."""
    with connection.cursor() as cursor:
        columns = zip(*((seal.leaf, seal.event, seal.leaf_hash) for seal in seals), strict=True)
        cursor.execute(_KEEP, [list(column) for column in columns])


def _head(newest: Checkpoint | None, signers: list[signed_note.Signer]) -> merkle.MerkleTree:
    """The tree as it is kept, which has the root that was signed last.

    The next root is made of this head and nothing older, so no alteration among the leaves it covers is ever signed.
    Raises LogWasAltered.
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
    """What the note says, not its columns; by its own word alone where its key is lost. Raises InvalidNote."""
    signer = next((signer for signer in signers if signer.verifier.key_id == newest.key_id), None)
    return signer.verifier.open(newest.note) if signer else signed_note.parse_unverified(newest.note)
