"""The sealer: what waits is sealed once, in dense leaves, under one signed root for each size."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from pytest_django import Settings

from portal.audit import tasks
from portal.audit.exports.evidence_pack import build_evidence_pack
from portal.audit.ledger import canonical_json, record_event
from portal.audit.models import Checkpoint, Event, Subtree, TreeLeaf, UnsealedEvent
from portal.audit.sealing import checkpoint_files, inclusion_proofs, merkle, sealer, signed_note
from portal.audit.verification.verifier import verify_events
from tests.audit.conftest import OTHER_SEED, THIRD_SEED
from tests.audit.outsider import Outsider
from tests.audit.tampering import past_the_triggers, resign

pytestmark = pytest.mark.django_db


def write(count: int) -> list[int]:
    return [
        record_event("vault.responded", change=7, secret=43, http_status=200 + number % 300) for number in range(count)
    ]


def leaves() -> list[int]:
    return list(TreeLeaf.objects.order_by("leaf").values_list("leaf", flat=True))


@pytest.mark.usefixtures("signing_key")
def test_what_waits_is_sealed_in_dense_leaves_under_a_signed_root() -> None:
    written = write(5)
    assert sealer.seal_pending_events() == 6
    key_event = Event.objects.get(action="audit.key_changed")
    assert list(TreeLeaf.objects.order_by("leaf").values_list("event", flat=True)) == [key_event.pk, *written]
    assert leaves() == list(range(6))
    head = merkle.MerkleTree()
    for event in (key_event.pk, *written):
        list(head.append(merkle.leaf_hash(Event.objects.get(pk=event).text.encode())))
    newest = Checkpoint.objects.latest()
    verifier = sealer.get_signing_public_key()
    assert verifier is not None
    said = verifier.open(newest.note)
    assert (said.size, said.root) == (newest.size, bytes(newest.root)) == (6, head.root())
    assert said.origin == "localhost/countersign-audit"
    assert not UnsealedEvent.objects.exists()
    assert sealer.seal_pending_events() == 0
    assert Checkpoint.objects.latest().size == 6


@pytest.mark.usefixtures("signing_key")
def test_growing_in_batches_gives_the_tree_that_growing_at_once_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "_BATCH", 7)
    texts = []
    for count in (1, 30, 255, 300):
        write(count)
        sealer.seal_pending_events()
    assert leaves() == list(range(587))
    sealed = TreeLeaf.objects.order_by("leaf")
    texts = [Event.objects.get(pk=event).text for event in sealed.values_list("event", flat=True)]
    head = merkle.MerkleTree()
    for text in texts:
        list(head.append(merkle.leaf_hash(text.encode())))
    assert bytes(Checkpoint.objects.latest().root) == head.root()
    assert sorted(Subtree.objects.values_list("level", "index")) == [(8, 0), (8, 1)]
    for checkpoint in Checkpoint.objects.all()[::10]:
        assert bytes(checkpoint.root) == merkle.MerkleTree.at(checkpoint.size, inclusion_proofs.StoredTree()).root()


@pytest.mark.usefixtures("signing_key")
def test_each_sealed_event_has_a_proof_that_holds() -> None:
    write(300)
    sealer.seal_pending_events()
    unsealed = record_event("vault.responded", change=7, http_status=201)
    everything = list(Event.objects.values_list("pk", flat=True))
    found = inclusion_proofs.prove_events(everything)
    assert set(found) == set(everything) - {unsealed}
    assert all(sealed.holds for sealed in found.values())
    with past_the_triggers():
        TreeLeaf.objects.filter(leaf=4).delete()
    with pytest.raises(inclusion_proofs.MissingNode, match="lacks number 4"):
        inclusion_proofs.prove_events(everything[:1] + everything[-5:])


@pytest.mark.shows("A01")
@pytest.mark.parametrize("table", ["treeleaf", "subtree", "checkpoint"])
@pytest.mark.parametrize("statement", ["UPDATE audit_{0} SET {1} = {1}", "DELETE FROM audit_{0}"])
@pytest.mark.usefixtures("signing_key")
def test_a01_what_was_sealed_cannot_be_changed_or_removed(table: str, statement: str) -> None:
    write(256)
    sealer.seal_pending_events()
    column = {"treeleaf": "leaf_hash", "subtree": "root", "checkpoint": "root"}[table]
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table, column))


@pytest.mark.usefixtures("signing_key")
def test_junk_in_the_queue_does_not_stop_the_sealer() -> None:
    write(2)
    sealer.seal_pending_events()
    UnsealedEvent.objects.bulk_create(
        [UnsealedEvent(event=10**9), UnsealedEvent(event=Event.objects.earliest("pk").pk)]
    )
    sealer.seal_pending_events()
    write(1)
    sealer.seal_pending_events()
    assert leaves() == list(range(4))
    assert not UnsealedEvent.objects.exists()
    assert verify_events().findings == []


def test_without_a_key_nothing_is_sealed_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    write(1)
    with pytest.raises(sealer.NoSigningKey):
        sealer.seal_pending_events()
    with pytest.raises(CommandError, match="set AUDIT_SIGNING_KEY"):
        call_command("seal_audit")
    tasks.seal_log()
    assert not Checkpoint.objects.exists()
    assert UnsealedEvent.objects.count() == 1


def test_a_key_that_is_none_is_refused_without_repeating_it(settings: Settings) -> None:
    settings.AUDIT_SIGNING_KEY = "not-a-key"
    with pytest.raises(ImproperlyConfigured, match="32 bytes in base64") as told:
        sealer.seal_pending_events()
    assert "not-a-key" not in str(told.value)


@pytest.fixture
def before_and_after(settings: Settings, signing_key: str) -> tuple[signed_note.Verifier, signed_note.Verifier]:
    """A log whose key was changed: four leaves under the old one, four under the new one. Both keys."""
    record_event("change.submitted", change=7, secret=43)
    write(2)
    sealer.seal_pending_events()
    old = sealer.get_signing_public_key()
    settings.AUDIT_SIGNING_KEY = f"{OTHER_SEED},{signing_key}"
    write(3)
    sealer.seal_pending_events()
    settings.AUDIT_SIGNING_KEY = OTHER_SEED  # the old key has done its last
    new = sealer.get_signing_public_key()
    assert old
    assert new
    return old, new


def test_a_new_key_is_named_by_the_old_one_in_the_log_before_it_signs_anything_else(
    before_and_after: tuple[signed_note.Verifier, signed_note.Verifier],
) -> None:
    old, new = before_and_after
    announced = Event.objects.filter(action="audit.key_changed").latest("pk")
    assert announced.entry is not None
    said = announced.entry.data
    assert (said["old_key"], said["new_key"]) == (str(old), str(new))
    assert old.successor(said["hand_over"]) == new
    first = Checkpoint.objects.filter(key_id=new.key_id).earliest()
    assert first.size == 5
    assert TreeLeaf.objects.get(leaf=4).event == announced.pk
    write(1)
    assert sealer.seal_pending_events() == 1
    for key in (old, new, None):
        assert verify_events(key=key).findings == []


def test_a_key_nobody_handed_over_to_signs_nothing_unless_the_old_one_is_lost(
    settings: Settings, signing_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(3)
    sealer.seal_pending_events()
    old = sealer.get_signing_public_key()
    settings.AUDIT_SIGNING_KEY = OTHER_SEED
    write(1)
    with pytest.raises(CommandError, match=r"NEW,OLD until the first sealing"):
        call_command("seal_audit")
    tasks.seal_log()
    assert "cannot be sealed" in caplog.text
    assert (TreeLeaf.objects.count(), UnsealedEvent.objects.count()) == (4, 1)
    call_command("seal_audit", "--old-key-is-lost")
    new = sealer.get_signing_public_key()
    assert leaves() == list(range(6))
    assert verify_events(key=new).findings == []
    assert old
    assert [f"not signed by key {old.key_id}, nor by one it" in one for one in verify_events(key=old).findings] == [
        True
    ]


@pytest.mark.parametrize("forge", ["another's signature", "another key", "no signature"])
def test_a_hand_over_the_old_key_has_not_signed_hands_nothing_over(
    forge: str, before_and_after: tuple[signed_note.Verifier, signed_note.Verifier]
) -> None:
    """Somebody with the new key and the database, not with the old key."""
    old, new = before_and_after
    announced = Event.objects.filter(action="audit.key_changed").latest("pk")
    assert announced.entry is not None
    said = dict(announced.entry.data)
    stranger = signed_note.Signer.parse(new.name, OTHER_SEED)
    said["hand_over"] = {
        "another's signature": stranger.hand_over(new),
        "another key": stranger.hand_over(old),
        "no signature": "",
    }[forge]
    fields = json.loads(announced.text) | {"data": said}
    with past_the_triggers():
        Event.objects.filter(pk=announced.pk).update(text=canonical_json(fields))
        TreeLeaf.objects.filter(leaf=4).update(leaf_hash=merkle.leaf_hash(canonical_json(fields).encode()))
        resign(stranger, above=4)
    assert "nor by one it handed over to" in verify_events(key=old).findings[-1]
    handed = f"leaf 4 (event {announced.pk}): the key before it did not hand over to key {new.key_id}"
    assert verify_events(key=new).findings == ([handed] if said["hand_over"] else [])


def test_outsider_with_the_first_key_follows_it_to_the_newest(
    tmp_path: Path, before_and_after: tuple[signed_note.Verifier, signed_note.Verifier]
) -> None:
    somebody = Outsider(tmp_path / "outside")
    somebody.takes("first-key.txt", str(before_and_after[0]))
    somebody.takes_checkpoint()
    somebody.takes_log()
    somebody.takes("evidence.zip", build_evidence_pack(7).content)
    for key in ("first-key.txt", "public-key.txt"):
        assert somebody.verify("sealed-log.txt", "checkpoint.txt", key=key)[0] == 0
        assert somebody.verify("evidence.zip", key=key)[0] == 0
    stranger = signed_note.Signer.parse("localhost/countersign-audit", THIRD_SEED)
    somebody.takes("stranger.txt", str(stranger.verifier))
    for files in (["sealed-log.txt", "checkpoint.txt"], ["evidence.zip"]):
        code, words = somebody.verify(*files, key="stranger.txt")
        assert (code, words[:19]) == (1, "NO. checkpoint.txt:")


@pytest.mark.usefixtures("signing_key")
def test_the_name_of_the_log_outlives_a_move_to_another_address(settings: Settings) -> None:
    write(1)
    sealer.seal_pending_events()
    settings.BASE_URL = "https://elsewhere.example"
    write(1)
    sealer.seal_pending_events()
    assert {signed_note.parse_unverified(one.note).origin for one in Checkpoint.objects.all()} == {
        "localhost/countersign-audit"
    }
    assert Event.objects.filter(action="audit.key_changed").count() == 1


@pytest.mark.usefixtures("signing_key")
def test_checkpoints_are_published_newest_and_one_an_hour(checkpoint_folder: Path) -> None:
    write(1)
    sealer.seal_pending_events()
    write(1)
    sealer.seal_pending_events()
    newest = Checkpoint.objects.latest()
    names = {file.name: file.read_text() for file in checkpoint_folder.iterdir()}
    assert names == {"latest.txt": newest.note, f"{newest.at:%Y-%m-%dT%H}.txt": newest.note}


@pytest.mark.usefixtures("signing_key")
def test_a_folder_out_of_reach_does_not_stop_the_sealing(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path / "file" / "folder")
    write(1)
    with caplog.at_level(logging.WARNING):
        assert sealer.seal_pending_events() == 2
    assert "checkpoint folder cannot be written" in caplog.text


@pytest.mark.shows("A04")
@pytest.mark.usefixtures("signing_key")
def test_a04_nothing_is_signed_once_more_after_an_older_backup_was_restored(
    checkpoint_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(3)
    sealer.seal_pending_events()
    write(3)
    sealer.seal_pending_events()
    with past_the_triggers():
        Checkpoint.objects.filter(size=7).delete()
        gone = list(TreeLeaf.objects.filter(leaf__gte=4).values_list("event", flat=True))
        TreeLeaf.objects.filter(leaf__gte=4).delete()
        Event.objects.filter(pk__in=gone).delete()
    write(3)
    with pytest.raises(checkpoint_files.LogTruncated, match="of 7 events that the database does not have"):
        sealer.seal_pending_events()
    tasks.seal_log()
    assert "the audit log cannot be sealed" in caplog.text
    assert Checkpoint.objects.latest().size == 4
    (checkpoint_folder / "latest.txt").rename(checkpoint_folder / "before-the-restore.txt")
    assert sealer.seal_pending_events() == 3


def of_nobody(size: int) -> str:
    signer = signed_note.Signer.parse("localhost/countersign-audit", OTHER_SEED)
    return signer.sign(signed_note.CheckpointBody(signer.name, size, bytes(32)))


@pytest.mark.usefixtures("signing_key")
@pytest.mark.parametrize(
    "note", ["", "nonsense", "\xff", of_nobody(99), of_nobody(2), "x\n10\n" + "A" * 43 + "=\n\n\N{EM DASH} x AAAA\n"]
)
def test_note_that_no_key_of_the_log_signed_stops_no_sealing(
    checkpoint_folder: Path, note: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(3)
    sealer.seal_pending_events()
    (checkpoint_folder / "latest.txt").write_text(note, encoding="latin-1" if note == "\xff" else "utf-8")
    write(1)
    assert sealer.seal_pending_events() == 1
    assert not note or "not signed with a key of this log" in caplog.text
    assert checkpoint_files.read_latest_note() == Checkpoint.objects.latest().note


@pytest.mark.shows("A06")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("signing_key")
def test_a06_an_event_that_is_committed_late_is_sealed_all_the_same() -> None:
    numbered, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            record_event("session.started", by="slow")
            numbered.set()
            go_on.wait(30)
        connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    numbered.wait(30)
    for _ in range(99):
        record_event("session.started", by="quick")
    assert sealer.seal_pending_events() == 100  # 99 and the key
    go_on.set()
    thread.join()
    assert sealer.seal_pending_events() == 1
    late = Event.objects.get(actor="slow")
    assert late.pk < Event.objects.filter(actor="quick").earliest("pk").pk
    assert TreeLeaf.objects.get(event=late.pk).leaf == 100
    assert leaves() == list(range(101))
    assert verify_events(key=sealer.get_signing_public_key()).findings == []


@pytest.mark.shows("A07")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("signing_key")
def test_a07_two_sealers_seal_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "_BATCH", 10)
    write(200)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                sealer.seal_pending_events()
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    sealer.seal_pending_events()
    assert leaves() == list(range(201))
    assert verify_events(key=sealer.get_signing_public_key()).findings == []


def killed_at(statement: int, act: Callable[[], Any]) -> bool:
    """Run `act` in a process of its own that kills itself right before its n-th statement; False if it got by."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        count = 0

        def kill(execute: Any, *arguments: Any) -> Any:
            nonlocal count
            count += 1
            if count == statement:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(*arguments)

        status = 1
        try:
            with connection.execute_wrapper(kill):
                act()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.shows("A07")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("signing_key")
def test_a07_a_sealer_killed_at_any_step_leaves_nothing_half_done(checkpoint_folder: Path) -> None:
    write(3)
    sealer.seal_pending_events()
    kills, written = 0, 4
    for statement in range(1, 100):
        write(2)
        written += 2
        if not killed_at(statement, sealer.seal_pending_events):
            break
        kills += 1
        sizes = [0, *sorted(Checkpoint.objects.values_list("size", flat=True))]
        assert TreeLeaf.objects.count() == sizes[-1] == written - UnsealedEvent.objects.count()
        assert verify_events(key=sealer.get_signing_public_key()).findings == []
    assert kills >= 10
    sealer.seal_pending_events()
    assert leaves() == list(range(written))
    assert (checkpoint_folder / "latest.txt").read_text() == Checkpoint.objects.latest().note
