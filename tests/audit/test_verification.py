"""Whatever somebody with the database in their hands does: the verification names it, and so does the outsider's."""

from __future__ import annotations

import io
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from portal.audit.ledger import canonical_json, record_event
from portal.audit.models import Checkpoint, Event, Subtree, TreeLeaf, UnsealedEvent
from portal.audit.sealing import merkle, sealer, signed_note
from portal.audit.sealing.leaves import EventRow
from portal.audit.verification import verifier as verification
from portal.audit.verification.column_checks import find_column_mismatches
from portal.audit.verification.verifier import verify_events
from tests.audit.conftest import OTHER_SEED, SEED
from tests.audit.outsider import Outsider
from tests.audit.tampering import beside_the_clock, past_the_triggers, resign

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_key")]

KEY_LEAF, PLACE = 0, 5


def write(count: int = 4) -> None:
    for number in range(count):
        record_event(
            "vault.responded",
            by="maria",
            change=7,
            secret=43,
            http_status=200 + number,
            data={"message": f"no. {number}"},
        )


@pytest.fixture
def outsider(tmp_path: Path) -> Outsider:
    """Two checkpoints of a log: of 5 events, and of 9, of which the outsider has kept the second."""
    write()
    sealer.seal_pending_events()
    write()
    sealer.seal_pending_events()
    somebody = Outsider(tmp_path / "outside")
    somebody.takes_checkpoint()
    return somebody


def command(*arguments: str) -> tuple[int, str]:
    """Exit code and words of manage.py verify_audit."""
    out = io.StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def event_at(leaf: int) -> Event:
    return Event.objects.get(pk=TreeLeaf.objects.get(leaf=leaf).event)


def forged_text(event: Event) -> str:
    return event.text.replace("no. ", "nO. ")


def rehash(leaf: int, text: str) -> None:
    TreeLeaf.objects.filter(leaf=leaf).update(leaf_hash=merkle.leaf_hash(text.encode()))


def alter_text(leaf: int = PLACE) -> None:
    event = event_at(leaf)
    Event.objects.filter(pk=event.pk).update(text=forged_text(event))


def alter_text_and_hash() -> None:
    alter_text()
    rehash(PLACE, event_at(PLACE).text)


def alter_hash() -> None:
    TreeLeaf.objects.filter(leaf=PLACE).update(leaf_hash=merkle.EMPTY)


def swap_texts() -> None:
    first, second = event_at(PLACE), event_at(PLACE + 1)
    Event.objects.filter(pk=first.pk).update(text=second.text)
    Event.objects.filter(pk=second.pk).update(text=first.text)


def swap_leaves() -> None:
    first, second = TreeLeaf.objects.get(leaf=PLACE), TreeLeaf.objects.get(leaf=PLACE + 1)
    TreeLeaf.objects.filter(leaf__in=(PLACE, PLACE + 1)).delete()
    TreeLeaf.objects.create(leaf=PLACE, event=second.event, leaf_hash=second.leaf_hash)
    TreeLeaf.objects.create(leaf=PLACE + 1, event=first.event, leaf_hash=first.leaf_hash)


def insert_in_between() -> None:
    event = event_at(PLACE)
    after = list(TreeLeaf.objects.filter(leaf__gte=PLACE).order_by("leaf"))
    TreeLeaf.objects.filter(leaf__gte=PLACE).delete()
    text = canonical_json({"action": "vault.responded"})
    event = Event.objects.create(at=event.at, action=event.action, actor=event.actor, text=text)
    TreeLeaf.objects.create(leaf=PLACE, event=event.pk, leaf_hash=merkle.leaf_hash(text.encode()))
    for seal in after[:-1]:
        TreeLeaf.objects.create(leaf=seal.leaf + 1, event=seal.event, leaf_hash=seal.leaf_hash)


def delete_event() -> None:
    event_at(PLACE).delete()


def delete_event_and_leaf() -> None:
    delete_event()
    TreeLeaf.objects.filter(leaf=PLACE).delete()


def delete_and_close_ranks() -> None:
    delete_event()
    after = list(TreeLeaf.objects.filter(leaf__gt=PLACE).order_by("leaf"))
    TreeLeaf.objects.filter(leaf__gte=PLACE).delete()
    for seal in after:
        TreeLeaf.objects.create(leaf=seal.leaf - 1, event=seal.event, leaf_hash=seal.leaf_hash)


def rewrite_everything(seed: str = OTHER_SEED) -> None:
    """All of it made anew, consistently, by somebody without the key."""
    alter_text_and_hash()
    signer = signed_note.Signer.parse("localhost/countersign-audit", seed)
    announced = event_at(KEY_LEAF)
    text = announced.text.replace(str(sealer.get_signing_public_key()), str(signer.verifier))
    Event.objects.filter(pk=announced.pk).update(text=text)
    rehash(KEY_LEAF, text)
    resign(signer)


def rewrite_with_the_key() -> None:
    """What only an outside checkpoint can show: even the key is in the wrong hands."""
    alter_text_and_hash()
    resign(signed_note.Signer.parse("localhost/countersign-audit", SEED))


def forge_note() -> None:
    newest = Checkpoint.objects.latest()
    Checkpoint.objects.filter(size=newest.size).update(note=newest.note.replace("\n9\n", "\n8\n"))


def sign_with_another_key() -> None:
    newest = Checkpoint.objects.latest()
    signer = signed_note.Signer.parse("localhost/countersign-audit", OTHER_SEED)
    note = signer.sign(signed_note.CheckpointBody(signer.name, newest.size, bytes(newest.root)))
    Checkpoint.objects.filter(size=newest.size).update(note=note, key_id=signer.verifier.key_id)


def drop_newest_checkpoint() -> None:
    Checkpoint.objects.latest().delete()


def cut_tail() -> None:
    gone = list(TreeLeaf.objects.filter(leaf__gte=5).values_list("event", flat=True))
    Checkpoint.objects.filter(size__gt=5).delete()
    TreeLeaf.objects.filter(leaf__gte=5).delete()
    Event.objects.filter(pk__in=gone).delete()


Act = Callable[[], None]
HERE = f"leaf {PLACE} "
RANGE = "one of leaves 5 to 8 was altered, inserted, removed or reordered"
NOT_SIGNED = "checkpoint.txt: the first 9 events are not those that were signed"
CASES: dict[str, tuple[Act, str, str]] = {
    "a03 the text altered": (alter_text, HERE, "line 6, leaf 5: its text is not the one"),
    "a03 text and leaf hash altered": (alter_text_and_hash, RANGE, NOT_SIGNED),
    "a03 the leaf hash altered": (alter_hash, HERE, "line 6, leaf 5: its text is not the one"),
    "a03 two texts swapped": (swap_texts, HERE, "line 6, leaf 5: its text is not the one"),
    "a03 two leaves swapped": (swap_leaves, RANGE, NOT_SIGNED),
    "a03 one inserted": (insert_in_between, RANGE, NOT_SIGNED),
    "a03 an event deleted": (delete_event, "leaf 5 (event", "line 6, leaf 6: leaf 5 must stand here"),
    "a03 event and leaf deleted": (delete_event_and_leaf, "leaf 5: missing", "line 6, leaf 6: leaf 5 must stand here"),
    "a03 deleted, the rest moved up": (delete_and_close_ranks, RANGE, "its tail was cut"),
    "a04 the tail cut": (cut_tail, "the log ends after 5 leaves, its tail was cut", "ends after 5: its tail was cut"),
    "a05 everything rewritten, another key": (rewrite_everything, "not signed by key", NOT_SIGNED),
    "a05 everything rewritten with the key": (rewrite_with_the_key, "two roots for one size", NOT_SIGNED),
}


@pytest.mark.shows("A03", "A04", "A05")
@pytest.mark.parametrize("case", CASES)
def test_a03_a04_a05_both_verifiers_name_the_place(case: str, outsider: Outsider) -> None:
    act, ours, theirs = CASES[case]
    outside = str(outsider.folder / "checkpoint.txt")
    assert command("--checkpoint", outside)[0] == 0
    outsider.takes_log()
    code, words = outsider.verify("sealed-log.txt", "checkpoint.txt")
    assert (code, words[:4]) == (0, "YES.")
    with past_the_triggers():
        act()
    code, words = command("--checkpoint", outside)
    assert code == 1
    assert ours in words
    outsider.takes_log()
    code, words = outsider.verify("sealed-log.txt", "checkpoint.txt")
    assert code == 1
    assert words.startswith("NO. ")
    assert theirs in words


@pytest.mark.shows("A03")
@pytest.mark.parametrize("act", [alter_text, alter_hash, swap_texts, delete_event])
def test_a03_the_place_is_named_in_a_run_of_leaves_that_are_compared_all_at_once(act: Act, outsider: Outsider) -> None:
    with past_the_triggers():
        act()
    assert any(HERE in finding for finding in verify_events().findings)


@pytest.mark.shows("A04")
@pytest.mark.parametrize("act", [cut_tail])
def test_a04_without_an_outside_checkpoint_a_cut_tail_cannot_show(act: Act, outsider: Outsider) -> None:
    with past_the_triggers():
        act()
    assert command()[0] == 0
    outsider.takes_checkpoint()
    outsider.takes_log()
    assert outsider.verify("sealed-log.txt", "checkpoint.txt")[0] == 0


@pytest.mark.shows("A04")
def test_a04_the_checkpoint_folder_is_such_an_outside(checkpoint_folder: Path) -> None:
    write()
    sealer.seal_pending_events()
    write()
    sealer.seal_pending_events()
    assert command()[0] == 0
    with past_the_triggers():
        cut_tail()
    code, words = command()
    assert code == 1
    assert "its tail was cut" in words


@pytest.mark.shows("A05")
def test_a05_each_hour_of_the_checkpoint_folder_is_such_an_outside(checkpoint_folder: Path) -> None:
    """Even where the key signed over what was altered, and the newest checkpoint knows nothing else."""
    write()
    sealer.seal_pending_events()
    (checkpoint_folder / "2026-01-01T00.txt").write_text(Checkpoint.objects.latest().note)
    write()
    sealer.seal_pending_events()
    assert command()[0] == 0
    with past_the_triggers():
        alter_text(2)
        rehash(2, event_at(2).text)
        resign(signed_note.Signer.parse("localhost/countersign-audit", SEED))
    for name in ("latest.txt", f"{Checkpoint.objects.latest().at:%Y-%m-%dT%H}.txt"):
        (checkpoint_folder / name).write_text(Checkpoint.objects.latest().note)
    code, words = command()
    assert code == 1
    assert "outside checkpoint of 5: the log has another root: two roots for one size" in words


@pytest.mark.shows("A05")
@pytest.mark.parametrize(
    ("act", "named"),
    [
        (forge_note, "checkpoint of 9: the signature by key"),
        (sign_with_another_key, "checkpoint of 9: not signed with the key the log names"),
        (drop_newest_checkpoint, "leaf 5: sealed, but its checkpoint is gone"),
    ],
)
def test_a05_a_forged_or_missing_checkpoint_is_named(act: Act, named: str, outsider: Outsider) -> None:
    with past_the_triggers():
        act()
    code, words = command()
    assert code == 1
    assert named in words
    if Checkpoint.objects.latest().size == 9:
        outsider.takes_checkpoint()
        outsider.takes_log()
        code, words = outsider.verify("sealed-log.txt", "checkpoint.txt")
        assert code == 1
        assert words.startswith("NO. checkpoint.txt: ")


@pytest.mark.shows("A05")
def test_a05_two_roots_for_one_size_are_named_whoever_signed_the_second(outsider: Outsider) -> None:
    signer = signed_note.Signer.parse("localhost/countersign-audit", SEED)
    second = outsider.takes("second.txt", signer.sign(signed_note.CheckpointBody(signer.name, 7, merkle.EMPTY)))
    code, words = command("--checkpoint", str(second))
    assert code == 1
    assert "outside checkpoint of 7: the log has another root: two roots for one size" in words
    outsider.takes_log()
    code, words = outsider.verify("sealed-log.txt", "checkpoint.txt", "second.txt")
    assert (code, words) == (1, "NO. second.txt: the first 7 events are not those that were signed.\n")


@pytest.mark.shows("A05")
def test_a05_shrinking_checkpoints_are_named(outsider: Outsider) -> None:
    with past_the_triggers():
        Checkpoint.objects.filter(size=9).update(at=timezone.now() - timedelta(days=1))
    code, words = command()
    assert code == 1
    assert "checkpoint of 9: older than the smaller one before it" in words


@pytest.mark.shows("A03")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("http_status", 299),
        ("http_status", None),
        ("actor", "pedro"),
        ("action", "change.applied"),
        ("secret", 44),
        ("seq", 99),
        ("change", 8),
        ("at", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a03_a_column_that_says_something_else_than_the_text_is_named(
    column: str, value: object, outsider: Outsider
) -> None:
    event = event_at(PLACE + 1)
    with past_the_triggers():
        Event.objects.filter(pk=event.pk).update(**{column: value})
    code, words = command()
    assert code == 1
    assert f"leaf 6 (event {event.pk}): column {column} says" in words
    outsider.takes_log()  # only texts are hashed, shown and handed out: to the outsider nothing has changed
    assert outsider.verify("sealed-log.txt", "checkpoint.txt")[0] == 0


@pytest.mark.shows("A03")
def test_a03_a_column_altered_back_in_the_fast_comparison_is_compared_whole() -> None:
    """What the ledger writes is told by beginning and end alone; anything else is read."""
    record_event(
        "session.failed",
        by='a"b\\c\u2028',
        change=7,
        secret=1,
        http_status=404,
        data={"x": ',"secret":1,"seq":1,"v":1}'},
    )
    record_event("audit.read", by="", data={})
    rows = [
        EventRow(row["id"], f"{row['at']:%Y-%m-%dT%H:%M:%S.%f}+00:00", *[row[name] for name in EventRow._fields[2:]])
        for row in Event.objects.values()
    ]
    assert [find_column_mismatches(row) for row in rows] == [[], []]
    altered = rows[0]._replace(http_status=405)
    assert (
        find_column_mismatches(altered)
        == find_column_mismatches(altered._replace(text=altered.text.replace('"v":1', '"v": 1')))
        == ["http_status"]
    )
    assert find_column_mismatches(rows[0]._replace(text=rows[0].text.replace('"v":1', '"v": 1'))) == []
    assert find_column_mismatches(rows[0]._replace(text="{}")) == ["text"]


@pytest.mark.shows("A03")
def test_a03_an_event_inserted_for_an_earlier_day_is_named_before_and_after_it_is_sealed(outsider: Outsider) -> None:
    written = event_at(3)
    forged = written.text.replace(f"{written.at:%Y-%m-%d}", "2020-01-01").replace('"change":7', '"change":8')
    with beside_the_clock(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (at, action, actor, change, seq, secret, http_status, text)"
            " VALUES (%s, 'vault.responded', 'maria', 8, 3, 43, 202, %s)",
            ["2020-01-01T00:00:00+00:00", forged],
        )
    code, words = command()
    assert code == 1
    assert "long before what is sealed: inserted" in words
    assert "change 8: 1 events numbered 3 to 3" in words
    sealer.seal_pending_events()
    code, words = command()
    assert code == 1
    assert ": inserted" in words


def test_a_key_that_comes_long_after_the_first_events_makes_none_of_them_inserted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is sealed before them all."""
    monkeypatch.setattr(verification, "SLACK", timedelta(seconds=1))
    write()
    time.sleep(1.2)
    sealer.seal_pending_events()
    assert verify_events(key=sealer.get_signing_public_key()).findings == []


def test_an_event_hidden_from_the_sealer_is_named() -> None:
    write()
    sealer.seal_pending_events()
    number = record_event("session.started", by="maria")
    UnsealedEvent.objects.all().delete()
    assert f"event {number}: neither sealed nor waiting" in verify_events().findings[0]


def test_a_gap_in_a_change_is_named_even_before_sealing() -> None:
    write()
    with past_the_triggers():
        Event.objects.filter(change=7, seq=2).delete()
    assert verify_events().findings == ["change 7: 3 events numbered 1 to 4: some are missing or too many"]


def test_a_kept_subtree_that_is_false_is_named(outsider: Outsider) -> None:
    write(300)
    sealer.seal_pending_events()
    assert verify_events().findings == []
    with past_the_triggers():
        Subtree.objects.update(root=merkle.EMPTY)
    assert verify_events().findings == ["leaves 0 to 255: their kept subtree does not have their root"]


def test_verification_without_a_key_says_that_it_took_the_logs_word(settings: Settings) -> None:
    write()
    sealer.seal_pending_events()
    key = str(sealer.get_signing_public_key())
    settings.AUDIT_SIGNING_KEY = ""
    code, words = command()
    assert code == 0
    assert "as the log itself says" in words
    file = Path(settings.STATE_DIR) / "brought-along.txt"
    file.write_text(key)
    code, words = command("--key", str(file))
    assert code == 0
    assert "as the log itself says" not in words


def test_verification_is_on_record_with_its_verdict() -> None:
    write()
    sealer.seal_pending_events()
    command()
    entry = Event.objects.filter(action="audit.verified").latest("pk").entry
    assert entry is not None
    assert (entry.data["outcome"], entry.data["leaves"], entry.data["problems"]) == ("intact", 5, 0)
    assert entry.actor.endswith("(command line)")


def test_a_log_without_a_seal_is_verified_as_far_as_that_goes(settings: Settings) -> None:
    settings.AUDIT_SIGNING_KEY = ""
    write()
    code, words = command()
    assert code == 0
    assert "0 events, nothing is sealed: intact" in words


def test_memory_does_not_grow_with_the_log() -> None:
    write(1)
    one = Event.objects.latest("pk")

    def peak_after(more: int) -> int:
        with beside_the_clock():
            Event.objects.bulk_create(Event(at=one.at, action=one.action, text=one.text) for _ in range(more))
        sealer.seal_pending_events()
        return peak_of(verify_events)

    few = peak_after(10_000)
    assert peak_after(20_000) < few * 1.2


def peak_of(act: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
