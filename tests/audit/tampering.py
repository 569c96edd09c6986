"""What somebody with access to the database could do, past the portal and past the triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection

from portal.audit.models import Checkpoint, Event, TreeLeaf
from portal.audit.sealing import merkle, signed_note

TABLES = ("audit_event", "audit_treeleaf", "audit_subtree", "audit_checkpoint", "audit_tombstone")


@contextmanager
def past_the_triggers() -> Iterator[None]:
    """For the time of the block nothing is refused, and nothing is queued for the sealer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger"
            " WHERE tgrelid::regclass::text = ANY(%s) AND NOT tgisinternal",
            [list(TABLES)],
        )
        triggers = cursor.fetchall()
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table, name, when in triggers:
            cursor.execute(f"ALTER TABLE {table} ENABLE {'ALWAYS' if when == 'A' else ''} TRIGGER {name}")


@contextmanager
def beside_the_clock() -> Iterator[None]:
    """For the time of the block events of any time are taken, as only the owner of the table could have it."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_dated")
        yield
        cursor.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_dated")


def insert(**columns: Any) -> Event:
    """An event that the ledger did not write, of any time."""
    with beside_the_clock():
        return Event.objects.create(**columns)


def overwrite(number: int, **columns: object) -> None:
    """Set columns of an event although the database refuses it."""
    with past_the_triggers():
        Event.objects.filter(pk=number).update(**columns)


def date(moved: timedelta, **which: object) -> None:
    """Let events that are not sealed yet have happened at another time, in column and text alike."""
    with past_the_triggers():
        for event in Event.objects.filter(**which):
            at = event.at + moved
            said = [f"{each:%Y-%m-%dT%H:%M:%S.%f}+00:00" for each in (event.at, at)]
            Event.objects.filter(pk=event.pk).update(at=at, text=event.text.replace(*said))


def resign(signer: signed_note.Signer, above: int = 0) -> None:
    """Make the checkpoints of more than `above` leaves anew, over the leaves as they are now."""
    for checkpoint in Checkpoint.objects.filter(size__gt=above):
        head = merkle.MerkleTree()
        for (leaf_hash,) in TreeLeaf.objects.filter(leaf__lt=checkpoint.size).order_by("leaf").values_list("leaf_hash"):
            list(head.append(bytes(leaf_hash)))
        said = signed_note.CheckpointBody(signer.name, head.size, head.root())
        Checkpoint.objects.filter(size=checkpoint.size).update(
            root=said.root, note=signer.sign(said), key_id=signer.verifier.key_id
        )
