"""An answer that arrives while the database is away: kept on disk, counted once, never guessed."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import DatabaseError, connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from portal.changes import transitions
from portal.changes.delivery import deliver, results, spool, sweep
from portal.changes.delivery.spool import SpooledResult
from portal.changes.models import Attempt, Change, Status, StatusCause
from portal.sandbox import Sandbox
from portal.vault import Applied, AppliedUnverified, InDoubt, NotApplied, NotSent, Outcome, Refused
from tests.audit.test_fail_closed import table_away
from tests.changing import work
from tests.rig.checker import check
from tests.rig.markers import Marker
from tests.rig.portal import ROOT
from tests.segura import events

pytestmark = pytest.mark.django_db(transaction=True)
Approved = Callable[..., Change]


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spool of the test's own, and a worker without patience."""
    monkeypatch.setattr(results, "_PAUSES_S", (0.0,))
    settings.DELIVERY_SPOOL_DIR = tmp_path / "spool"
    return tmp_path / "spool"


def answered_while_away(segura: Sandbox, change: Change) -> None:
    """The call is made, and its answer comes while the log cannot be written."""
    segura.control.plan("hold", endpoint="update", apply="before")

    def deliver_change() -> None:
        with contextlib.suppress(DatabaseError):  # as a task that fails
            deliver.deliver_approved_change(change.pk)
        connections.close_all()

    worker = threading.Thread(target=deliver_change)
    worker.start()
    segura.control.wait(lambda journal: journal["held"] == 1)
    with table_away():
        segura.control.release()
        worker.join(20)


@pytest.fixture
def kept(segura: Sandbox, approved: Approved, folder: Path) -> Change:
    """A change whose answer, 200, is on disk because the log could not be written."""
    change = approved(value=Marker.new("the proposed value"))
    answered_while_away(segura, change)
    return change


def answers(change: Change) -> tuple[list[tuple[int, bool]], list[tuple[int, bool]]]:
    """Code, and whether it came from the spool: of exchanges and of outcomes in the log."""
    exchanges = [event for event in events("vault.responded") if event["data"]["method"] == "PUT"]
    return tuple(
        [(event["http_status"], event["data"].get("spooled", False)) for event in of if event["change"] == change.pk]
        for of in (exchanges, events("delivery.answered"))
    )  # type: ignore[return-value]


@pytest.mark.shows("F17")
def test_answer_that_the_log_could_not_take_is_counted_once_and_concludes_the_change(
    segura: Sandbox, kept: Change, folder: Path
) -> None:
    kept.refresh_from_db()
    assert kept.status == Status.SENDING
    sweep.run_sweep()
    kept.refresh_from_db()
    assert (kept.status, kept.cause, kept.last_http_status) == (Status.APPLIED, StatusCause.CONFIRMED, 200)
    assert answers(kept) == ([(200, True)], [(200, True)])
    assert list(folder.iterdir()) == []
    check(segura.control)


def test_kept_answer_is_one_line_for_its_owner_alone_without_secret_or_body(kept: Change, folder: Path) -> None:
    (path,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") == 1
    attempt = Attempt.objects.get()
    assert path.name == f"{attempt.pk}.json"
    line = json.loads(text)
    assert (line["attempt"], line["fence"], line["code"]) == (str(attempt.pk), attempt.fence, 200)
    assert "api_secret_entity" not in text
    assert "proposed" not in text


def test_answer_kept_twice_is_counted_once(segura: Sandbox, kept: Change, folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    sweep.run_sweep()
    shutil.copytree(copy, folder, dirs_exist_ok=True)
    sweep.run_sweep()
    assert answers(kept) == ([(200, True)], [(200, True)])
    assert list(folder.iterdir()) == []


def test_two_workers_that_take_in_at_once_count_it_once(kept: Change) -> None:
    barrier = threading.Barrier(4)

    def take_in() -> None:
        barrier.wait()
        try:
            results.drain_spool()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers(kept) == ([(200, True)], [(200, True)])


def test_answer_whose_change_was_taken_over_is_recorded_and_moves_nothing(
    segura: Sandbox, kept: Change, folder: Path, tmp_path: Path
) -> None:
    away = folder.rename(tmp_path / "away")
    Change.objects.update(lease_until=timezone.now() - timezone.timedelta(seconds=5))
    sweep.run_sweep()
    kept.refresh_from_db()
    assert (kept.status, kept.cause) == (Status.IN_DOUBT, StatusCause.WORKER_LOST)
    away.rename(folder)
    sweep.run_sweep()
    kept.refresh_from_db()
    assert kept.status == Status.IN_DOUBT
    assert answers(kept) == ([(200, True)], [(200, True)])
    assert (work(kept).status, kept.cause) == (Status.APPLIED, StatusCause.READ_BACK)
    assert len(segura.control.arrivals("update")) == 1
    check(segura.control)


def test_answer_whose_commit_was_not_confirmed_is_in_the_log_once(segura: Sandbox, approved: Approved) -> None:
    change = work(approved())
    attempt = Attempt.objects.get()
    (exchange,) = [event for event in events("vault.responded") if event["data"]["method"] == "PUT"]
    told = {"action": "vault.responded", "code": 200, "data": exchange["data"]}
    spool.write_result(SpooledResult.now(attempt.pk, attempt.fence, Applied(status=200), "", told))
    sweep.run_sweep()
    assert answers(change) == ([(200, False)], [(200, False)])


@pytest.mark.parametrize(
    "outcome",
    [
        Applied(status=200),
        AppliedUnverified(status=201, message="yes", differences=("url",)),
        Refused(status=400, number=1006, message="1006: no access"),
        NotSent(reason="the connection was refused"),
        NotApplied(status=429, retry_after_s=7.5),
        InDoubt(status=504),
    ],
)
def test_every_outcome_survives_the_disk(outcome: Outcome) -> None:
    spool.write_result(SpooledResult.now(uuid.uuid4(), 3, outcome, results.result_message(outcome), None))
    (kept,) = spool.iter_results()
    again = kept.as_outcome()
    assert type(again) is type(outcome)
    assert (again.status, again.number, results.result_message(again)) == (
        outcome.status,
        outcome.number,
        results.result_message(outcome),
    )
    assert getattr(again, "retry_after_s", None) == getattr(outcome, "retry_after_s", None)


def test_what_is_no_answer_of_this_database_is_set_aside_and_named_and_stops_no_other(
    kept: Change, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool.write_result(SpooledResult.now("00000000-0000-4000-8000-000000000000", 1, Applied(status=200), "", None))
    (folder / "0.json").write_text('{"attempt": "half a li')
    sweep.run_sweep()
    kept.refresh_from_db()
    assert kept.status == Status.APPLIED
    assert sorted(path.name for path in folder.iterdir()) == [
        "0.unknown",
        "00000000-0000-4000-8000-000000000000.unknown",
    ]
    assert caplog.text.count("set aside") == 2


GOOD = {
    "attempt": "", "fence": 1, "outcome": "applied", "code": 200, "number": None, "message": "", "retry_after_s": None,
    "answered_at": "2026-01-01T00:00:00+00:00", "exchange": None,
}  # fmt: skip
ODD = [
    {"attempt": "not-a-uuid"}, {"attempt": 7}, {"attempt": None}, {"attempt": ["a"]},
    {"fence": 10**400}, {"fence": -1}, {"fence": "1"}, {"fence": True}, {"fence": 1.5}, {"fence": None},
    {"outcome": "Applied"}, {"outcome": ""}, {"outcome": ["applied"]}, {"outcome": None}, {"outcome": 1},
    {"code": "200"}, {"code": 2**31}, {"code": {}}, {"number": -5}, {"number": 1e300},
    {"message": None}, {"message": 3}, {"message": "a\0b"},
    {"retry_after_s": "soon"}, {"retry_after_s": -1}, {"retry_after_s": float("inf")}, {"retry_after_s": float("nan")},
    {"answered_at": "yesterday"}, {"answered_at": 5}, {"answered_at": "2026-01-01T00:00:00"}, {"answered_at": None},
    {"exchange": "x"}, {"exchange": {}}, {"exchange": {"action": "change.applied", "code": 1, "data": {}}},
    {"exchange": {"action": "vault.responded", "code": "1", "data": {}}},
    {"exchange": {"action": "vault.responded", "code": 200, "data": []}},
    {"more": 1},
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: json.dumps(odd)[:40])
def test_spool_file_of_another_shape_is_set_aside_and_stops_no_sweep(
    odd: dict[str, object], kept: Change, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = "00000000-0000-4000-8000-00000000000a"
    (folder / f"{name}.json").write_text(json.dumps({**GOOD, "attempt": name, **odd}))
    sweep.run_sweep()
    kept.refresh_from_db()
    assert kept.status == Status.APPLIED
    assert [path.name for path in folder.iterdir()] == [f"{name}.unknown"]
    assert f"{name}.unknown" in caplog.text


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "7", "[" * 100_000, "{}", "\ud800", '{"attempt": "' + "x" * 300_000]
)
def test_spool_file_that_is_no_object_is_set_aside(text: str, kept: Change, folder: Path) -> None:
    (folder / "0.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    sweep.run_sweep()
    kept.refresh_from_db()
    assert (kept.status, [path.name for path in folder.iterdir()]) == (Status.APPLIED, ["0.unknown"])


def test_folders_and_links_in_the_spool_are_set_aside(kept: Change, folder: Path, tmp_path: Path) -> None:
    (folder / "0.json").mkdir()
    (folder / "1.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "elsewhere").write_text("{}")
    (folder / "2.json").symlink_to(tmp_path / "elsewhere")
    sweep.run_sweep()
    kept.refresh_from_db()
    assert kept.status == Status.APPLIED
    assert sorted(path.name for path in folder.iterdir()) == ["0.unknown", "1.unknown", "2.unknown"]


def test_answer_whose_settlement_fails_stops_no_other(
    kept: Change, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, failed = results.record_result, []

    def fail_once(*asked: object) -> None:
        if not failed:
            failed.append(asked)
            raise RecursionError
        settle(*asked)

    monkeypatch.setattr(results, "record_result", fail_once)
    sweep.run_sweep()
    assert [path.suffix for path in folder.iterdir()] == [".unknown"]


def test_answer_that_no_disk_takes_is_named_in_the_process_log_and_the_change_is_in_doubt(
    segura: Sandbox,
    approved: Approved,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").touch()
    settings.DELIVERY_SPOOL_DIR = tmp_path / "file" / "spool"
    change = approved()
    answered_while_away(segura, change)
    assert [record.levelno for record in caplog.records if "HTTP 200" in record.message] == [logging.CRITICAL]
    Change.objects.update(lease_until=transitions.db_now())
    sweep.run_sweep()
    assert (work(change).status, change.cause) == (Status.APPLIED, StatusCause.READ_BACK)


@pytest.mark.processes
def test_worker_that_has_nowhere_to_keep_answers_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "celery", "--app", "portal.celery:app", "worker", "--pool", "solo"]
    environment = {"DELIVERY_SPOOL_DIR": str(tmp_path / "file" / "spool")}
    run = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ) | environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 1
    assert "DELIVERY_SPOOL_DIR cannot be written to: Not a directory." in run.stderr
