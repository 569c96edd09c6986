"""What was altered since it was sealed gets no new signature: the sealer's own key would vouch for the forgery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from portal.audit import tasks
from portal.audit.ledger import record_event
from portal.audit.models import Checkpoint, Event, Subtree, TreeLeaf, UnsealedEvent
from portal.audit.sealing import merkle, sealer, signed_note
from tests.audit.conftest import OTHER_SEED
from tests.audit.tampering import past_the_triggers, resign

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("signing_key"),
    pytest.mark.shows("A03"),
]

Act = Callable[[], object]


def write(count: int) -> None:
    for number in range(count):
        record_event("vault.responded", change=7, secret=43, http_status=200 + number)


def alter(leaf: int) -> None:
    """The text with its columns, its hash, and the kept subtree above it if there is one."""
    event = Event.objects.get(pk=TreeLeaf.objects.get(leaf=leaf).event)
    forged = event.text.replace('"secret":43', '"secret":44')
    Event.objects.filter(pk=event.pk).update(text=forged, secret=44)
    TreeLeaf.objects.filter(leaf=leaf).update(leaf_hash=merkle.leaf_hash(forged.encode()))
    head = merkle.MerkleTree()
    for hashed in TreeLeaf.objects.filter(leaf__lt=256).order_by("leaf").values_list("leaf_hash", flat=True):
        list(head.append(bytes(hashed)))
    if leaf < 256:
        Subtree.objects.filter(level=8, index=0).update(root=head.root())


def alter_with_its_checkpoint() -> None:
    """In columns and note alike; only the signature cannot be had."""
    alter(1)
    genuine = sealer.get_signing_public_key()
    assert genuine is not None
    resign(signed_note.Signer.parse(genuine.name, OTHER_SEED), above=5)
    Checkpoint.objects.filter(size__gt=5).update(key_id=genuine.key_id)


def alter_with_the_root_beside_the_note() -> None:
    note = Checkpoint.objects.latest().note
    alter_with_its_checkpoint()
    Checkpoint.objects.filter(size=7).update(note=note)


def take_a_leaf_away() -> None:
    TreeLeaf.objects.filter(leaf=6).delete()


ACTS: dict[str, tuple[int, Act, str]] = {
    "a leaf": (2, lambda: alter(1), "first 7 events are not those that were signed"),
    "a leaf and its kept subtree": (300, lambda: alter(9), "first 305 events are not those that were signed"),
    "a leaf after the kept subtree": (300, lambda: alter(300), "first 305 events are not those that were signed"),
    "a leaf and the newest checkpoint": (2, alter_with_its_checkpoint, "checkpoint of 7 events: not signed by key"),
    "a leaf and the root": (2, alter_with_the_root_beside_the_note, "first 7 events are not those that were signed"),
    "a leaf that is gone": (2, take_a_leaf_away, "checkpoint of 7 events: level 0 of the tree lacks number 6"),
}


@pytest.mark.parametrize("what", ACTS)
def test_a03_nothing_is_signed_over_what_was_altered(what: str, caplog: pytest.LogCaptureFixture) -> None:
    more, act, named = ACTS[what]
    write(4)
    sealer.seal_pending_events()
    write(more)
    sealer.seal_pending_events()
    with past_the_triggers():
        act()
    checkpoints = list(Checkpoint.objects.values_list("size", flat=True))
    write(3)
    with pytest.raises(sealer.LogWasAltered, match=named):
        sealer.seal_pending_events()
    tasks.seal_log()
    assert "the audit log cannot be sealed: " in caplog.text
    assert named in caplog.text
    with pytest.raises(CommandError, match=named):
        call_command("seal_audit")
    assert list(Checkpoint.objects.values_list("size", flat=True)) == checkpoints
    assert UnsealedEvent.objects.count() == 3


def test_a03_what_the_folder_holds_is_not_written_over(checkpoint_folder: Path) -> None:
    """The published checkpoint itself is left in place, so that the log does not look cut."""
    write(4)
    sealer.seal_pending_events()
    published = (checkpoint_folder / "latest.txt").read_text()
    with past_the_triggers():
        alter(1)
    write(3)
    with pytest.raises(sealer.LogWasAltered):
        sealer.seal_pending_events()
    assert (checkpoint_folder / "latest.txt").read_text() == published
