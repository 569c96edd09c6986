"""Checkpoints by mail: to every auditor with an address, now and then, so that they leave the machine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit import tasks
from portal.audit.ledger import record_event
from portal.audit.models import Checkpoint, Event, Routine
from portal.audit.sealing import checkpoint_mail, sealer
from portal.audit.sealing.status import get_seal_status
from portal.common.env import Smtp, parse_smtp_url
from tests.audit.outsider import Outsider
from tests.audit.tampering import past_the_triggers
from tests.people import person
from tests.rig.mail_server import REFUSED, Post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_key")]


def auditor_at(address: str, name: str = "vera") -> User:
    somebody = person(name, Role.AUDITOR)
    somebody.email = address
    somebody.save()
    return somebody


def test_mailed_checkpoint_is_one_that_an_outsider_can_verify_with(post: Post, tmp_path: Path) -> None:
    auditor_at("vera@example.com")
    record_event("session.started", by="maria")
    sealer.seal_pending_events()
    assert checkpoint_mail.mail_checkpoint() == ["vera"]
    [message] = post.box
    assert message["To"] == "vera@example.com"
    assert message["Subject"] == "Audit log: checkpoint of 2 events"
    body = message.get_body()
    assert body is not None
    text = body.get_content()
    assert str(sealer.get_signing_public_key()) in text
    assert "Keep this message" in text
    [attached] = message.iter_attachments()
    assert attached.get_filename() == "checkpoint-2.txt"
    record_event("session.ended", by="maria")
    sealer.seal_pending_events()
    outsider = Outsider(tmp_path / "outside")
    outsider.takes("checkpoint-2.txt", attached.get_content())
    outsider.takes_log()
    assert outsider.verify("sealed-log.txt", "checkpoint-2.txt") == (
        0,
        "YES. 2 events are those that were signed; 2 newer ones are not covered.\n",
    )


def test_everybody_who_audits_and_has_an_address_is_reached_and_nobody_else(post: Post) -> None:
    auditor_at("vera@example.com")
    auditor_at(REFUSED, "gone")
    person("silent", Role.AUDITOR)
    left = auditor_at("left@example.com", "left")
    left.is_active = False
    left.save()
    approver = person("pedro", Role.APPROVER)
    approver.email = "pedro@example.com"
    approver.save()
    sealer.seal_pending_events()
    assert checkpoint_mail.mail_checkpoint() == ["vera"]
    assert [message["To"] for message in post.box] == ["vera@example.com"]
    entry = get_seal_status().mailed
    assert entry is not None
    assert entry.data == {"leaves": 1, "reached": ["vera"], "missed": ["gone"]}


def test_where_nobody_can_be_reached_nothing_is_on_record_and_the_next_time_tries_again(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    auditor_at(REFUSED)
    sealer.seal_pending_events()
    assert checkpoint_mail.mail_checkpoint() == []
    assert not Event.objects.filter(action="audit.checkpoint_mailed").exists()
    assert "could not be mailed to vera" in caplog.text
    assert REFUSED not in caplog.text


def test_without_a_mail_server_or_a_checkpoint_nothing_is_sent(settings: Settings, post: Post) -> None:
    auditor_at("vera@example.com")
    assert checkpoint_mail.mail_checkpoint() == []
    sealer.seal_pending_events()
    settings.EMAIL_HOST = ""
    assert checkpoint_mail.mail_checkpoint() == []
    assert post.box == []


@pytest.fixture
def handed_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the schedule handed out; each is done at once."""
    done: list[str] = []
    monkeypatch.setattr(tasks.run_verification, "delay", lambda: done.append("verify") or tasks.run_verification())
    monkeypatch.setattr(tasks.mail_checkpoints, "delay", lambda: done.append("mail") or tasks.mail_checkpoints())
    return done


def test_mail_and_verification_are_due_one_at_a_time_by_what_the_sealer_noted(
    post: Post, handed_out: list[str]
) -> None:
    auditor_at("vera@example.com")
    sealer.seal_pending_events()
    for _ in range(3):
        tasks.run_due_jobs()
    assert (len(post.box), handed_out) == (1, ["verify", "mail"])
    past = timezone.now() - timedelta(days=1, seconds=1)
    Routine.objects.update(begun_at=past, done_at=past)
    for _ in range(3):
        tasks.run_due_jobs()
    assert (len(post.box), handed_out) == (2, ["verify", "mail"] * 2)


FORGED = ["2099-01-01 00:00:00+00", "20000-01-01 00:00:00+00", "infinity", "0044-03-15 12:00:00+00 BC"]


@pytest.mark.parametrize("at", FORGED)
@pytest.mark.parametrize("action", ["audit.verified", "audit.checkpoint_mailed", "audit.dated"])
def test_no_event_keeps_the_next_verification_or_mail_from_coming(
    post: Post, handed_out: list[str], action: str, at: str
) -> None:
    auditor_at("vera@example.com")
    sealer.seal_pending_events()
    forged = record_event(action, data={"outcome": "intact", "reached": ["vera"]})
    with past_the_triggers(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_event SET at = %s WHERE id = %s", [at, forged])
    assert get_seal_status().verified is get_seal_status().mailed is None
    tasks.run_due_jobs()
    tasks.run_due_jobs()
    assert handed_out == ["verify", "mail"]


def test_no_row_of_the_future_keeps_the_next_verification_from_coming(handed_out: list[str]) -> None:
    sealer.seal_pending_events()
    later = timezone.now() + timedelta(days=3650)
    Routine.objects.create(name="verify", begun_at=later, done_at=later)
    tasks.run_due_jobs()
    assert handed_out == ["verify"]


def test_nothing_is_handed_out_while_a_verification_is_under_way_unless_its_worker_was_lost(
    handed_out: list[str],
) -> None:
    sealer.seal_pending_events()
    Routine.objects.create(name="verify", begun_at=timezone.now() - timedelta(hours=5))
    tasks.run_due_jobs()
    assert handed_out == []
    Routine.objects.update(begun_at=timezone.now() - timedelta(hours=7))
    tasks.run_due_jobs()
    assert handed_out == ["verify"]


def test_server_that_is_away_ends_the_round_and_the_next_goes_on_with_the_others(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"vera{number}" for number in range(5)]
    for name in names:
        auditor_at(f"{name}@example.com", name)
    sealer.seal_pending_events()
    send, calls = checkpoint_mail.EmailMessage.send, []

    def breaking(message: checkpoint_mail.EmailMessage) -> int:
        calls.append(message.to)
        if len(calls) == 3:
            raise TimeoutError
        return send(message)

    monkeypatch.setattr(checkpoint_mail.EmailMessage, "send", breaking)
    assert (checkpoint_mail.mail_checkpoint(), len(calls)) == (names[:2], 3)
    assert not Event.objects.filter(action="audit.checkpoint_mailed").exists()
    assert checkpoint_mail.mail_checkpoint() == names[2:]
    entry = get_seal_status().mailed
    assert entry is not None
    assert entry.data["reached"] == names
    assert len(post.box) == 5


def test_slow_server_keeps_the_sealer_for_a_bounded_time(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        auditor_at(f"vera{number}@example.com", f"vera{number}")
    sealer.seal_pending_events()
    ticks = iter(range(0, 10_000, 20))
    monkeypatch.setattr(checkpoint_mail, "monotonic", lambda: next(ticks))
    assert [len(checkpoint_mail.mail_checkpoint()) for _ in range(5)] == [1] * 5
    assert len({message["To"] for message in post.box}) == 5


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("", Smtp()),
        ("smtps://me:p%40ss@mail.example", Smtp("mail.example", 465, "me", "p@ss", tls=True)),
        ("smtp+starttls://me:pass@mail.example:2525", Smtp("mail.example", 2525, "me", "pass", starttls=True)),
        ("smtp://mail.example", Smtp("mail.example")),
    ],
)
def test_mail_server_is_named_by_one_address(url: str, server: Smtp) -> None:
    assert parse_smtp_url("EMAIL_URL", url) == server


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtps://", "smtp://me:hunter2@mail.example"])
def test_mail_server_that_cannot_be_meant_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as told:
        parse_smtp_url("EMAIL_URL", url)
    assert "hunter2" not in str(told.value)


def test_newest_checkpoint_alone_is_mailed(post: Post) -> None:
    auditor_at("vera@example.com")
    sealer.seal_pending_events()
    record_event("session.started", by="maria")
    sealer.seal_pending_events()
    checkpoint_mail.mail_checkpoint()
    [attached] = post.box[0].iter_attachments()
    assert attached.get_content().decode() == Checkpoint.objects.latest().note
