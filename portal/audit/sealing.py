"""The one sealer: gives committed events leaf numbers, grows the tree, signs checkpoints (reliability B10).

A batch is one transaction: leaves, subtrees, checkpoint and the emptied queue come together or not at all, so a
sealer that is killed leaves no gap, no leaf twice, and never two roots for one size.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from portal.audit import notes, published, tree
from portal.audit.ledger import record
from portal.audit.models import Checkpoint, Event, Seal, Subtree, Unsealed
from portal.audit.proofs import STRIDE, Kept

_BATCH = 4096
_LOCK = 0x41555345414C  # "AUSEAL"


class NoKey(Exception):
    """AUDIT_SIGNING_KEY is not set: this process cannot seal."""


def seal() -> int:
    """Seal what is committed and waits; how many events that were, none where another sealer is at work.

    Raises NoKey, published.LogWasCut, ImproperlyConfigured for a key that is none, and OSError where a checkpoint
    folder is set and what it holds cannot be read.
    """
    signer = _signer()
    published.refuse_a_cut_log()
    total = 0
    while batch := _seal_batch(signer):
        total += batch
    published.publish()
    return total


def public_key() -> notes.Verifier | None:
    """The public half of this process's key; None where it has none, as the pages have not."""
    return _signer().verifier if settings.AUDIT_SIGNING_KEY else None


def _signer() -> notes.Signer:
    if not settings.AUDIT_SIGNING_KEY:
        raise NoKey("The audit log is not sealed: set AUDIT_SIGNING_KEY (openssl rand -base64 32).")
    try:
        return notes.Signer.parse(_origin(), settings.AUDIT_SIGNING_KEY)
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None


def _origin() -> str:
    """The name of this log: what its first checkpoint says, so that it outlives a move to another address."""
    newest = Checkpoint.objects.first()
    if newest is not None:
        return notes.peek(newest.note).origin
    return f"{urlsplit(settings.BASE_URL).hostname}/countersign-audit"


@transaction.atomic(durable=True)
def _seal_batch(signer: notes.Signer) -> int:
    """Seal the oldest events that wait, and commit."""
    if not _alone():
        return 0
    newest = Checkpoint.objects.first()
    waiting = _announce_key(signer, newest) or list(
        Unsealed.objects.order_by("event").values_list("event", flat=True)[:_BATCH]
    )
    if not waiting:
        return 0
    sealed = set(Seal.objects.filter(event__in=waiting).values_list("event", flat=True))
    texts = Event.objects.filter(pk__in=waiting).exclude(pk__in=sealed).order_by("pk").values_list("pk", "text")
    size = _grow(newest.size if newest else 0, list(texts), signer)
    Unsealed.objects.filter(event__in=waiting).delete()
    return size


def _alone() -> bool:
    """Whether this transaction is the only sealer's. On SQLite it is: a transaction that writes is alone."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _announce_key(signer: notes.Signer, newest: Checkpoint | None) -> list[int]:
    """Where the key is another than the last checkpoint's: its own event, to be sealed first and alone.

    So the log says which key signs from where on, and who trusts the newest key can follow it to the older ones.
    """
    verifier = signer.verifier
    if newest is not None and newest.key_id == verifier.key_id:
        return []
    last = Event.objects.filter(action="audit.key_changed").first()
    old = str(last.entry.data["new_key"]) if last and last.entry else ""
    return [record("audit.key_changed", data={"old_key": old, "new_key": str(verifier)})]


def _grow(size: int, texts: list[tuple[int, str]], signer: notes.Signer) -> int:
    """Append these events to the tree of `size` leaves and sign it; how many they were."""
    if not texts:
        return 0
    head = tree.Head.at(size, Kept())
    seals, subtrees = [], []
    for event, text in texts:
        leaf_hash = tree.leaf_hash(text.encode())
        seals.append(Seal(leaf=head.size, event=event, leaf_hash=leaf_hash))
        for level, index, root in head.append(leaf_hash):
            if level % STRIDE == 0:
                subtrees.append(Subtree(level=level, index=index, root=root))
    Seal.objects.bulk_create(seals)
    Subtree.objects.bulk_create(subtrees)
    checkpoint = notes.Checkpoint(signer.name, head.size, head.root())
    Checkpoint.objects.create(
        size=checkpoint.size, root=checkpoint.root, note=signer.sign(checkpoint), key_id=signer.verifier.key_id
    )
    return len(texts)
