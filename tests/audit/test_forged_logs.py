"""Logs that were forged past the portal, and sealed: verify_audit and the outsiders' verifier come to the same verdict.

Each is forged by the owner of the tables, who may switch triggers off, but has no signing key: the sealer seals what it
finds. Both verifiers name what was forged, and neither names an honest event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from portal.audit import retention
from portal.audit.ledger import record_event
from portal.audit.models import Checkpoint, Event, Tombstone, TreeLeaf
from portal.audit.sealing import sealer, signed_note
from portal.audit.verification.ages import format_event_time
from portal.audit.verification.verifier import verify_events
from tests.audit.aging import ago, seal_at
from tests.audit.conftest import OTHER_SEED
from tests.audit.outsider import Outsider
from tests.audit.tampering import date, insert, past_the_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_key"), pytest.mark.shows("A03")]

YEAR = timedelta(days=365)
Forge = Callable[[], set[int]]
"""Forges, has it sealed, and returns the leaves that may be named."""


def honest(count: int = 3) -> None:
    for _ in range(count):
        record_event("session.started", by="maria")


def wipe(first: int, last: int, *, announced: bool = True) -> set[int]:
    """The texts of these leaves go, as the owner of the tables can have it."""
    leaves = list(TreeLeaf.objects.filter(leaf__range=(first, last)).values_list("leaf", "event"))
    number = record_event("audit.pruned", data={"leaves": [[first, last]], "count": len(leaves)}) if announced else 1
    Tombstone.objects.bulk_create([Tombstone(leaf=leaf, event=event, pruned=number) for leaf, event in leaves])
    Event.objects.filter(pk__in=[event for _, event in leaves]).delete()
    sealer.seal_pending_events()
    return {leaf for leaf, _ in leaves}


def newest_leaf() -> int:
    return TreeLeaf.objects.latest("leaf").leaf


def announcing_leaf() -> int:
    return TreeLeaf.objects.get(event=Event.objects.filter(action="audit.pruned").latest("pk").pk).leaf


def sealed_after(forged: Event) -> set[int]:
    """It is sealed among honest ones."""
    honest()
    sealer.seal_pending_events()
    honest()
    sealer.seal_pending_events()
    return {TreeLeaf.objects.get(event=forged.pk).leaf}


def dated(moved: timedelta) -> Forge:
    """An event of another time, consistent in itself."""

    def forge() -> set[int]:
        number = record_event("vote.cast", by="pedro")
        date(moved, pk=number)
        return sealed_after(Event.objects.get(pk=number))

    return forge


def saying(at: str, said: str) -> Forge:
    """An event of a time that only PostgreSQL can say."""

    def forge() -> set[int]:
        text = re.sub(r'(?<="at":")[^"]*', said, Event.objects.latest("pk").text)
        forged = insert(at=timezone.now(), action="session.started", actor="maria", text=text)
        with past_the_triggers(), connection.cursor() as cursor:
            cursor.execute("UPDATE audit_event SET at = %s WHERE id = %s", [at, forged.pk])
        return sealed_after(forged)

    return forge


def unlike_the_ledger(text: str) -> Forge:
    return lambda: sealed_after(insert(at=timezone.now(), action="vote.cast", actor="pedro", text=text))


def announced_while_off() -> set[int]:
    return {*wipe(1, 2), announcing_leaf()}


def wiped_young() -> set[int]:
    retention.record_retention(365, by="mallory")
    return wipe(1, newest_leaf())


def cut_prefix_of_a_young_log() -> set[int]:
    retention.record_retention(365, by="mallory")
    return wipe(1, 2)


def wiped_with_an_announcement_of_a_later_day() -> set[int]:
    retention.record_retention(365, by="mallory")
    gone = wipe(1, 2)
    number = record_event("audit.pruned", data={"leaves": [[1, 2]]})
    date(timedelta(days=800), pk=number)
    sealer.seal_pending_events()
    return {*gone, TreeLeaf.objects.get(event=number).leaf}


def announced_to_young_and_old() -> set[int]:
    """Of an old log the young end goes along."""
    old_log()
    honest()
    sealer.seal_pending_events()
    retention.record_retention(365, by="console")
    wipe(1, 3)
    return wipe(5, 7)


def old_log() -> None:
    with ago(timedelta(days=400)):
        for _ in range(3):
            date(-timedelta(days=400), pk=record_event("session.started", by="maria"))
        sealer.seal_pending_events()
    seal_at(timedelta(days=398))


def old_and_retention_off() -> set[int]:
    return {*wipe(1, 3), announcing_leaf()}


def switched_off_before() -> set[int]:
    retention.record_retention(365, by="console")
    retention.record_retention(0, by="console")
    return {*wipe(1, 3), announcing_leaf()}


def longer_retention() -> set[int]:
    retention.record_retention(730, by="console")
    return wipe(1, 3)


def too_short_a_retention() -> set[int]:
    record_event("audit.retention_changed", data={"days": 1})
    return {*wipe(1, 3), announcing_leaf()}


def forged_key() -> set[int]:
    other = signed_note.Signer.parse("localhost/countersign-audit", OTHER_SEED)
    number = record_event("audit.key_changed", data={"old_key": "", "new_key": str(other.verifier), "hand_over": ""})
    return sealed_after(Event.objects.get(pk=number))


def signed_time(seed: str, moved: timedelta, size: int | None = None) -> Forge:
    """A signed time of the attacker's own making."""

    def forge() -> set[int]:
        retention.record_retention(365, by="mallory")
        sealer.seal_pending_events()
        newest = Checkpoint.objects.latest()
        signer = signed_note.Signer.parse("localhost/countersign-audit", seed)
        said = signed_note.CheckpointBody(signer.name, size or newest.size, bytes(newest.root), timezone.now() - moved)
        number = record_event("audit.dated", data={"note": signer.sign(said)})
        sealer.seal_pending_events()
        return {TreeLeaf.objects.get(event=number).leaf, *wipe(1, 2)}

    return forge


def replayed_signed_time() -> set[int]:
    """A genuine note, put into the log a second time over more leaves."""
    genuine = Event.objects.filter(action="audit.dated").latest("pk").entry
    assert genuine is not None
    number = record_event("audit.dated", data=genuine.data)
    sealer.seal_pending_events()
    return {TreeLeaf.objects.get(event=number).leaf}


YOUNG: dict[str, tuple[Forge, str, str]] = {
    "young log wiped": (wiped_young, "before its retention ended", "leaf 1: its text went before its retention"),
    "prefix of a young log cut": (
        cut_prefix_of_a_young_log,
        "before its retention ended",
        "leaf 1: its text went before",
    ),
    "tombstones without announcement": (
        lambda: wipe(1, 2, announced=False),
        "the event was deleted",
        "no event that was",
    ),
    "announced while retention is off": (
        announced_while_off,
        "retention was off",
        "retention was off",
    ),
    "announcement of a later day": (wiped_with_an_announcement_of_a_later_day, "dated ahead", "leaf"),
    "dated back half an hour": (dated(-timedelta(minutes=30)), ": inserted", ": inserted"),
    "dated back a year": (dated(-YEAR), ": inserted", ": inserted"),
    "dated ahead an hour": (dated(timedelta(hours=1)), "dated ahead", "dated ahead"),
    "dated ahead ten years": (dated(10 * YEAR), "dated ahead", "dated ahead"),
    "BC": (saying("0044-03-15 12:00:00+00 BC", "0044-03-15T12:00:00.000000+00:00 BC"), "not in the form", "leaf 4"),
    "infinity": (saying("infinity", "infinity"), "not in the form", "leaf 4"),
    "-infinity": (saying("-infinity", "-infinity"), "not in the form", "leaf 4"),
    "the year 20000": (saying("20000-01-01 00:00:00+00", "20000-01-01T00:00:00.000000+00:00"), "not in the", "leaf 4"),
    "no date": (unlike_the_ledger("{}"), "not in the form", "not written by the portal"),
    "no event": (unlike_the_ledger("x"), "not in the form", "not written by the portal"),
    "key that nobody handed over to": (forged_key, "did not hand over", "did not hand over"),
    "signed time by another key": (
        signed_time(OTHER_SEED, 2 * YEAR),
        "its signed time",
        "not a checkpoint that was signed",
    ),
}
OLD: dict[str, tuple[Forge, str, str]] = {
    "retention off": (old_and_retention_off, "retention was off", "retention was off"),
    "retention switched off before": (switched_off_before, "retention was off", "retention was off"),
    "retention too short to be set": (too_short_a_retention, "retention was off", "retention was off"),
    "retention is longer": (longer_retention, "before its retention ended", "before its retention ended"),
    "signed time replayed": (replayed_signed_time, "not of the leaves before it", "not of the leaves before it"),
}


def hold_both_to(forge: Forge, ours: str, theirs: str, outsider: Outsider) -> None:
    may_be_named = forge()
    report = verify_events(key=sealer.get_signing_public_key())
    assert any(ours in finding for finding in report.findings), report.findings
    assert {int(leaf) for leaf in re.findall(r"leaf (\d+)", " ".join(report.findings))} <= may_be_named
    outsider.takes_log()
    outsider.takes_checkpoint()
    code, words = outsider.verify("sealed-log.txt", "checkpoint.txt")
    assert (code, words[:4], theirs in words) == (1, "NO. ", True), words
    assert {int(leaf) for leaf in re.findall(r"leaf (\d+)", words)} <= may_be_named, words


@pytest.mark.parametrize("case", YOUNG)
def test_both_verifiers_name_what_was_forged_in_a_young_log(case: str, tmp_path: Path) -> None:
    honest()
    sealer.seal_pending_events()
    hold_both_to(*YOUNG[case], Outsider(tmp_path / "outside"))


@pytest.mark.parametrize("case", OLD)
def test_both_verifiers_name_what_was_forged_in_an_old_log(case: str, tmp_path: Path) -> None:
    old_log()
    hold_both_to(*OLD[case], Outsider(tmp_path / "outside"))


def test_both_verifiers_take_what_was_old_enough_and_name_what_was_not(tmp_path: Path) -> None:
    outsider = Outsider(tmp_path / "outside")
    hold_both_to(announced_to_young_and_old, "before its retention ended", "before its retention ended", outsider)


def test_both_verifiers_accept_a_removal_at_the_end_of_retention(tmp_path: Path) -> None:
    outsider = Outsider(tmp_path / "outside")
    old_log()
    retention.record_retention(365, by="console")
    wipe(1, 3)
    assert verify_events(key=sealer.get_signing_public_key()).findings == []
    outsider.takes_log()
    outsider.takes_checkpoint()
    code, words = outsider.verify("sealed-log.txt", "checkpoint.txt")
    assert (code, "3 of them without text" in words) == (0, True), words


def test_both_verifiers_refuse_a_checkpoint_of_a_key_that_had_handed_over(settings: object, tmp_path: Path) -> None:
    outsider = Outsider(tmp_path / "outside")
    old_seed = settings.AUDIT_SIGNING_KEY
    old = signed_note.Signer.parse("localhost/countersign-audit", old_seed)
    honest()
    sealer.seal_pending_events()
    settings.AUDIT_SIGNING_KEY = f"{OTHER_SEED},{old_seed}"
    honest()
    sealer.seal_pending_events()
    newest = Checkpoint.objects.latest()
    note = old.sign(signed_note.CheckpointBody(old.name, newest.size, bytes(newest.root), timezone.now()))
    assert verify_events(key=old.verifier, outside=[newest.note]).findings == []
    assert any("handed over by then" in one for one in verify_events(key=old.verifier, outside=[note]).findings)
    outsider.takes_log()
    outsider.takes_checkpoint()
    assert outsider.verify("sealed-log.txt", "checkpoint.txt")[0] == 0
    outsider.takes("checkpoint.txt", note)
    code, words = outsider.verify("sealed-log.txt", "checkpoint.txt")
    assert (code, "not a checkpoint that was signed with the key of this log" in words) == (1, True), words


def test_log_is_dated_once_a_day_where_nothing_waits_and_only_that_can_be_removed(tmp_path: Path) -> None:
    with ago(timedelta(days=400)):
        sealer.seal_pending_events()
        assert not Event.objects.filter(action="audit.dated").exists()
    seal_at(timedelta(days=399) - timedelta(minutes=1))
    seal_at(timedelta(days=399) - timedelta(minutes=2))
    (event,) = Event.objects.filter(action="audit.dated")
    assert event.entry is not None
    said = signed_note.parse_unverified(str(event.entry.data["note"]))
    assert said.at is not None
    assert (said.size, TreeLeaf.objects.get(event=event.pk).leaf) == (1, 1)
    assert format_event_time(said.at) <= format_event_time(timezone.now() - timedelta(days=398))
