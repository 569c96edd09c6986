"""The end of retention: a text goes where the log says so, the log still verifies, and nothing else can go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from portal.audit import retention
from portal.audit.exports.evidence_pack import UnknownChange, build_evidence_pack
from portal.audit.ledger import record_event
from portal.audit.models import Event, Tombstone, TreeLeaf
from portal.audit.sealing import sealer
from portal.audit.sealing.inclusion_proofs import prove_events
from portal.audit.verification.verifier import verify_events
from portal.common.vote_signatures import KEY_EVENTS
from tests.audit.aging import seal_at
from tests.audit.outsider import Outsider
from tests.audit.tampering import date, past_the_triggers
from tests.segura import events

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("signing_key"),
]
YEAR = timedelta(days=365)
BY = "console"


@pytest.fixture(autouse=True)
def log(signing_key: str) -> None:
    """Sealed and dated 400 days ago: after the key's event two of change 7, three of change 8, four of none."""
    for change, count in ((7, 2), (8, 3), (None, 4)):
        for number in range(count):
            action = "vault.responded" if number else "change.submitted"
            record_event(action, change=change, http_status=200, data={"path": f"number {number}"})
    date(-timedelta(days=400))
    seal_at(timedelta(days=400))
    seal_at(timedelta(days=399) - timedelta(minutes=1))


def prune(**options: object) -> int:
    retention.record_retention(365, by=BY)
    removed = retention.prune_events(older_than=YEAR, by=BY, **options)
    sealer.seal_pending_events()
    return removed


def test_texts_go_and_the_log_still_verifies(tmp_path: Path) -> None:
    outsider = Outsider(tmp_path / "outside")
    kept_before = build_evidence_pack(7).content
    assert prune() == 9
    assert not Event.objects.exclude(action__in=retention.STAYS).exists()
    report = verify_events(key=sealer.get_signing_public_key())
    assert (report.findings, report.pruned) == ([], 9)
    (said,) = events("audit.pruned")
    assert (said["data"]["leaves"], said["data"]["count"], said["actor"]) == ([[1, 9]], 9, BY)

    outsider.takes_log()
    outsider.takes_checkpoint()
    code, words = outsider.verify("sealed-log.txt", "checkpoint.txt")
    assert (code, "9 of them without text" in words) == (0, True), words
    outsider.takes("evidence.zip", kept_before)
    assert outsider.verify("evidence.zip")[0] == 0
    with pytest.raises(UnknownChange):
        build_evidence_pack(7)


def test_what_stays_can_still_be_proved() -> None:
    prune(unfinished=[8])
    left = list(Event.objects.filter(change=8).values_list("pk", flat=True))
    assert len(left) == 3
    assert all(sealed.holds for sealed in prove_events(left).values())
    assert build_evidence_pack(8).events == 3


def test_events_of_a_change_go_together_and_when_the_newest_is_old() -> None:
    with past_the_triggers():
        Event.objects.filter(change=8, seq=3).update(at=timezone.now())
    assert retention.prune_events(older_than=timedelta(days=1), by=BY) == 6
    assert Event.objects.filter(change=8).count() == 3


def test_legal_hold_keeps_a_change_until_it_is_taken_off() -> None:
    call_command("legal_hold", "7", reason="Case 12")
    with pytest.raises(CommandError, match="already"):
        call_command("legal_hold", "7", reason="Case 12")
    assert prune() == 7
    assert Event.objects.filter(change=7).count() == 2
    call_command("legal_hold", "7", reason="Case 12 is closed", release=True)
    assert prune() == 2
    assert [event["data"]["held_change"] for event in events("audit.hold_placed") + events("audit.hold_lifted")] == [
        7,
        7,
    ]
    assert verify_events(key=sealer.get_signing_public_key()).intact


def test_what_is_not_sealed_stays() -> None:
    record_event("session.started", by="maria")
    retention.prune_events(older_than=YEAR, by=BY)
    assert Event.objects.filter(action="session.started").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_event WHERE change = 8",
        "INSERT INTO audit_tombstone (leaf, event, pruned) SELECT leaf + 1, event, 1 FROM audit_treeleaf"
        " WHERE leaf = 4; DELETE FROM audit_event WHERE id = (SELECT event FROM audit_treeleaf WHERE leaf = 4)",
        "UPDATE audit_event SET text = ''",
    ],
)
def test_database_refuses_what_has_no_tombstone_of_its_own(statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run(*statement.split(";"))
    assert Event.objects.count() == 11


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_database_keeps_tombstones_and_what_is_held() -> None:
    retention.place_legal_hold(8, reason="Case 12", by=BY)
    number = Event.objects.filter(change=8).values_list("pk", flat=True)[0]
    Tombstone.objects.create(leaf=TreeLeaf.objects.get(event=number).leaf, event=number, pruned=1)
    for act in (Event.objects.filter(pk=number).delete, Tombstone.objects.all().delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()


def test_tombstone_that_no_event_announced_hides_no_deletion(tmp_path: Path) -> None:
    """Who owns the tables may put up a tombstone and delete; the log says that nothing announced it."""
    outsider = Outsider(tmp_path / "outside")
    seal = TreeLeaf.objects.get(leaf=9)
    Tombstone.objects.create(leaf=9, event=seal.event, pruned=1)
    Event.objects.filter(pk=seal.event).delete()
    report = verify_events(key=sealer.get_signing_public_key())
    assert report.findings == [f"leaf 9 (event {seal.event}): the event was deleted"]
    outsider.takes_log()
    outsider.takes_checkpoint()
    code, words = outsider.verify("sealed-log.txt", "checkpoint.txt")
    assert (code, "leaf 9: its text is gone, and no event" in words) == (1, True), words


def test_announcement_made_in_advance_excuses_nothing() -> None:
    retention.record_retention(365, by=BY)
    record_event("audit.pruned", by="mallory", data={"leaves": [[0, 500]], "count": 501})
    record_event("session.started", by="maria")
    sealer.seal_pending_events()
    seal = TreeLeaf.objects.get(event=Event.objects.get(action="session.started").pk)
    Tombstone.objects.create(leaf=seal.leaf, event=seal.event, pruned=1)
    Event.objects.filter(pk=seal.event).delete()
    assert verify_events(key=sealer.get_signing_public_key()).findings == [
        f"leaf {seal.leaf} (event {seal.event}): the event was deleted"
    ]


def test_texts_stay_until_a_signed_time_shows_that_they_are_old_enough() -> None:
    """The date of an event is its own word; the day's signed time comes up to a day after it."""
    assert retention.prune_events(older_than=timedelta(days=399, hours=12), by=BY) == 0
    assert retention.prune_events(older_than=timedelta(days=398), by=BY) == 9


@pytest.mark.parametrize("days", [[0], [365], [365, 365], [730, 365, 0]])
def test_each_change_of_the_setting_is_on_record_once(days: list[int]) -> None:
    for number in days:
        retention.record_retention(number, by=BY)
    said = [event["data"]["days"] for event in events("audit.retention_changed")]
    assert said == [number for number in dict.fromkeys(days) if number or len(days) > 1]


def test_command_goes_by_the_settings(settings: object, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prune")
    assert "all are kept" in capsys.readouterr().out
    for days, removed in ((500, 0), (365, 9)):
        settings.RETAIN_AUDIT_DAYS = days
        call_command("prune")
        assert f"audit events: {removed}" in capsys.readouterr().out


def test_events_of_vote_keys_stay_so_that_signed_votes_can_still_be_proved() -> None:
    assert set(KEY_EVENTS) <= set(retention.STAYS)
