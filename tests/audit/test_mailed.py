"""Checkpoints by mail: to every auditor with an address, now and then, so that they leave the machine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from pytest_django import Settings

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit import mailed, sealing, tasks
from portal.audit.ledger import record
from portal.audit.models import Checkpoint, Event
from portal.audit.standing import standing
from portal.environment import Smtp, smtp
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
    record("session.started", by="maria")
    sealing.seal()
    assert mailed.mail() == ["vera"]
    [message] = post.box
    assert message["To"] == "vera@example.com"
    assert message["Subject"] == "Audit log: checkpoint of 2 events"
    body = message.get_body()
    assert body is not None
    text = body.get_content()
    assert str(sealing.public_key()) in text
    assert "Keep this message" in text
    [attached] = message.iter_attachments()
    assert attached.get_filename() == "checkpoint-2.txt"
    record("session.ended", by="maria")
    sealing.seal()
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
    sealing.seal()
    assert mailed.mail() == ["vera"]
    assert [message["To"] for message in post.box] == ["vera@example.com"]
    entry = standing().mailed
    assert entry is not None
    assert entry.data == {"leaves": 1, "reached": ["vera"], "missed": ["gone"]}


def test_where_nobody_can_be_reached_nothing_is_on_record_and_the_next_time_tries_again(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    auditor_at(REFUSED)
    sealing.seal()
    assert mailed.mail() == []
    assert not Event.objects.filter(action="audit.checkpoint_mailed").exists()
    assert "could not be mailed to vera" in caplog.text
    assert REFUSED not in caplog.text


def test_without_a_mail_server_or_a_checkpoint_nothing_is_sent(settings: Settings, post: Post) -> None:
    auditor_at("vera@example.com")
    assert mailed.mail() == []
    sealing.seal()
    settings.EMAIL_HOST = ""
    assert mailed.mail() == []
    assert post.box == []


def test_mail_and_verification_are_due_by_what_the_log_says_was_last(
    post: Post, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks.verify, "delay", lambda by: asked.append(by) or tasks.verify(by))
    auditor_at("vera@example.com")
    sealing.seal()
    for _ in range(2):
        tasks.due()
    assert (len(post.box), asked) == (1, [""])
    with past_the_triggers():
        Event.objects.update(at=timezone.now() - timedelta(days=1, seconds=1))
    tasks.due()
    assert (len(post.box), asked) == (2, ["", ""])
    cache.clear()


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
    assert smtp("EMAIL_URL", url) == server


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtps://", "smtp://me:hunter2@mail.example"])
def test_mail_server_that_cannot_be_meant_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as told:
        smtp("EMAIL_URL", url)
    assert "hunter2" not in str(told.value)


def test_newest_checkpoint_alone_is_mailed(post: Post) -> None:
    auditor_at("vera@example.com")
    sealing.seal()
    record("session.started", by="maria")
    sealing.seal()
    mailed.mail()
    [attached] = post.box[0].iter_attachments()
    assert attached.get_content().decode() == Checkpoint.objects.latest().note
