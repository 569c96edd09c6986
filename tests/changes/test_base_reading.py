"""Old values are shown with the moment at which they were read, wherever they are shown or spoken of."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.audit.exports.evidence_pack import build_evidence_pack
from portal.audit.sealing import sealer
from portal.changes.domain import proposal as proposals
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision
from portal.changes.presenters.next_steps import instant_text
from portal.changes.workflow import submission
from portal.notifications import dispatch, mailer
from portal.sandbox import Sandbox
from tests.audit.conftest import SEED
from tests.changes.pages import page_of, text_of
from tests.changes.paper import press
from tests.people import mirrored
from tests.segura import events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
READ_AT = datetime(2026, 11, 29, 8, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def change(propose: Callable[..., Proposal], live_base: Snapshot, requester: User, approver: User) -> Change:
    """One that was proposed long after its base was read."""
    base = Snapshot(live_base.fields, live_base.secret_fingerprint, READ_AT)
    return submission.submit_change(propose(base=base, notes="new notes"), by=requester)


def test_requester_submits_the_moment_of_the_reading_and_not_that_of_the_submit(
    segura: Sandbox, requester: User, approver: User, as_person: AsPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored()
    browser, url = as_person(requester), reverse("changes:propose", kwargs={"identifier": 43})
    begun = timezone.now()
    form = browser.get(url)
    read = timezone.now()
    later = read + timedelta(minutes=40)
    monkeypatch.setattr(proposals.time, "time", lambda: later.timestamp())
    preview = press(browser, url, form, "preview", notes="new notes", reason="It is due")
    press(browser, url, preview, "confirm")
    revision = Revision.objects.get()
    assert begun <= revision.base_read_at <= read <= revision.created_at
    assert f'datetime="{revision.base_read_at.isoformat(timespec="seconds")}"' in preview.content.decode()
    assert "and not compared again since" in text_of(preview)


@pytest.mark.parametrize("fields", [{"notes": "x"}, {"users_allowed": [["pduarte", True]]}, {"tags": "a", "name": "b"}])
def test_approver_sees_when_the_old_values_were_read(
    fields: dict[str, object], propose: Callable[..., Proposal], live_base: Snapshot, requester: User, approver: User,
    as_person: AsPerson,
) -> None:  # fmt: skip
    base = Snapshot(live_base.fields, live_base.secret_fingerprint, READ_AT)
    change = submission.submit_change(propose(base=base, **fields), by=requester)
    queue = as_person(approver).get(reverse("changes:queue"), {"open": change.pk})
    for page in (page_of(as_person(approver), change), queue):
        assert f'datetime="{READ_AT.isoformat(timespec="seconds")}"' in page.content.decode()
        assert "The old values were read from Segura for this proposal" in text_of(page)


@pytest.mark.parametrize("known", [True, False])
def test_page_without_old_values_or_without_their_time_says_nothing_of_a_reading(
    known: bool,
    propose: Callable[..., Proposal],
    live_base: Snapshot,
    requester: User,
    approver: User,
    as_person: AsPerson,
) -> None:
    proposal = propose(base=Snapshot(live_base.fields), notes="x") if known else propose(base=None, notes="x")
    change = submission.submit_change(proposal, by=requester)
    assert "were read from Segura" not in text_of(page_of(as_person(approver), change))
    dispatch.dispatch_events()
    assert "were read from Segura" not in text_of(as_person(approver).get(reverse("notifications:inbox")))
    (event,) = events("change.submitted")
    assert "base_read_at" not in event["data"]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "The old values were read from Segura at"), ("pt-br", "Os valores antigos foram lidos do Segura em")],
)
def test_approver_is_notified_of_when_the_old_values_were_read(
    language: str, words: str, change: Change, approver: User, settings: Settings, mailoutbox: list[EmailMessage]
) -> None:
    settings.EMAIL_HOST = "mail.example"
    User.objects.filter(pk=approver.pk).update(email="approver@example.com", language=language)
    dispatch.dispatch_events()
    mailer.send_due_mail()
    spelled = "29/11/2026 08:30:15 UTC" if language == "pt-br" else instant_text(READ_AT)
    assert f"{words} {spelled}." in " ".join(mailoutbox[0].body.split())


def test_evidence_holds_when_the_old_values_were_read(
    change: Change, requester: User, propose: Callable[..., Proposal], live_base: Snapshot, settings: Settings
) -> None:
    settings.AUDIT_SIGNING_KEY = SEED
    again = READ_AT + timedelta(days=1)
    submission.revise_change(
        change.pk, propose(base=Snapshot(live_base.fields, "", again), notes="newer"), by=requester
    )
    sealer.seal_pending_events()
    with ZipFile(BytesIO(build_evidence_pack(change.pk).content)) as files:
        summary = files.read("summary.html").decode()
        told = [json.loads(line.split("\t")[3]) for line in files.read("events.txt").decode().splitlines()]
    for event, instant in zip(told, (READ_AT, again), strict=True):
        assert event["data"]["base_read_at"] == instant.isoformat(timespec="milliseconds")
        assert f"<dt>Base read at</dt><dd>{instant.isoformat(timespec='milliseconds')}</dd>" in summary
