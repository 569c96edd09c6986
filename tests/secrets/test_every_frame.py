"""A defect wherever a secret value is in hand: no page, mail, log or collector of errors learns the value."""

from __future__ import annotations

import base64
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from celery.signals import task_failure
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core import mail
from django.core.signals import got_request_exception
from django.http import HttpRequest
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.changes.delivery import tasks
from portal.changes.models import Change, Status
from portal.sandbox import Sandbox
from portal.vault import scrubbing
from tests.changes.pages import send
from tests.changes.paper import press, read_form
from tests.people import mirrored
from tests.rig.collector import report

CANARY = "-".join(["canary", "91d0", "value"])
"""Not in one piece: a report quotes source lines, these here too."""
URL = "/secrets/43/propose/"
TYPED = {"secret_mode": "enter", "client_secret": CANARY, "reason": "why"}
Open = Callable[[User], Client]

pytestmark = [pytest.mark.django_db, pytest.mark.shows("S02")]


def broken(*_given: Any, **_named: Any) -> None:
    raise RuntimeError("a defect")


def broken_for_the_value(value: str, squashed: Callable[[str], str] = scrubbing._squashed) -> str:
    """Tokens pass."""
    return broken(value) if CANARY in value else squashed(value)  # type: ignore[func-returns-value,return-value]


class BrokenCipher:
    """Opens what the form carried, and fails to seal with the plaintext among its arguments."""

    def __init__(self, key: bytes) -> None:
        self.decrypt = AESGCM(key).decrypt

    encrypt = broken


class Told:
    """What the outside was told of failures. `frames`: how many of them a collector could look into."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.reports: list[str] = []
        self._caplog = caplog

    def everything(self) -> str:
        mails = "".join(f"{each.subject} {each.body} {each.alternatives}" for each in mail.outbox)
        return "\n".join([*self.reports, mails, self._caplog.text])


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, settings: Settings) -> Iterator[Told]:
    """Everybody listens: admins by mail, the log at DEBUG, a collector of errors at Django and at Celery."""
    settings.ADMINS = [("Operator", "operator@portal.example")]
    caplog.set_level(logging.DEBUG)
    outside = Told(caplog)

    def of_request(request: HttpRequest, **_: Any) -> None:
        error = sys.exc_info()[1]
        assert error is not None
        outside.reports.append(report(error))

    def of_task(exception: BaseException, einfo: Any, **_: Any) -> None:
        outside.reports.append(report(exception) + str(einfo))

    got_request_exception.connect(of_request)
    task_failure.connect(of_task)
    yield outside
    got_request_exception.disconnect(of_request)
    task_failure.disconnect(of_task)


def expect_silence(told: Told, answer: Any = None) -> None:
    """The failure was told, with its place, and the value in no spelling."""
    assert told.reports
    texts = told.everything() + (answer.content.decode() if answer is not None else "")
    assert "a defect" in texts
    raw = CANARY.encode()
    for spelling in (CANARY, quote(CANARY, safe=""), raw.hex(), base64.b64encode(raw).decode().rstrip("=")):
        assert spelling not in texts


@pytest.fixture
def browser(segura: Sandbox, as_person: Open, requester: User) -> Client:
    mirrored()
    opened = as_person(requester)
    opened.raise_request_exception = False
    return opened


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    ("place", "defect"),
    [
        ("portal.changes.forms.fields.reject_invisible", broken),  # the form's field, with the text
        ("portal.changes.forms.proposal.ProposalForm._clean_secret", broken),
        ("portal.changes.domain.secret_encryption.encrypt_secret", broken),
        ("portal.changes.domain.secret_strength._bits", broken),
        ("portal.common.keyring.AESGCM", BrokenCipher),  # in the middle of encrypting
        ("portal.changes.views.propose.encode_proposal", broken),
        ("django.forms.fields.CharField.to_python", broken),  # above our own code, with the form's data in hand
    ],
)
def test_defect_while_a_proposal_is_read_and_sealed(
    browser: Client,
    told: Told,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    defect: Any,
    debug: bool,
) -> None:
    settings.DEBUG = debug
    data = read_form(browser.get(URL)) | TYPED | {"act": "preview"}
    monkeypatch.setattr(place, defect)
    answer = browser.post(URL, data)
    assert answer.status_code == 500
    assert len(mail.outbox) == (not debug)
    expect_silence(told, answer)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "place",
    [
        "portal.changes.workflow.submission.ledger.record_event",
        "portal.changes.domain.proposal.secret_encryption.decrypt_secret",
        "portal.common.keyring.KeyRing.encrypt",
    ],
)
def test_defect_while_a_proposal_is_committed(
    browser: Client, told: Told, settings: Settings, monkeypatch: pytest.MonkeyPatch, place: str, debug: bool
) -> None:
    settings.DEBUG = debug
    preview = press(browser, URL, browser.get(URL), "preview", **TYPED)
    monkeypatch.setattr(place, broken)
    answer = press(browser, URL, preview, "confirm")
    assert answer.status_code == 500
    assert not Change.objects.exists()
    expect_silence(told, answer)


@pytest.mark.parametrize(
    "place", ["portal.catalog.details.keyring.keyed_fingerprint", "portal.catalog.details.ledger.to_storable_text"]
)
def test_defect_while_an_answer_is_parsed(
    browser: Client, told: Told, segura: Sandbox, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    segura.control.edit(43, client_secret=CANARY)
    monkeypatch.setattr(place, broken)
    answer = browser.get("/secrets/43/")
    assert answer.status_code == 500
    expect_silence(told, answer)


def test_defect_in_a_retry(
    browser: Client,
    told: Told,
    segura: Sandbox,
    approved: Callable[..., Change],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change = approved(value=CANARY)
    Change.objects.filter(pk=change.pk).update(status=Status.FAILED, closed_at=change.approved_at)
    monkeypatch.setattr("portal.changes.domain.secret_encryption.fingerprint_secret", broken)
    answer = send(browser, "retry", change, {"value": CANARY})
    assert answer.status_code == 500
    expect_silence(told, answer)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("place", "defect", "raises"),
    [
        ("portal.vault.client.classify_update", broken, True),  # with the patch and the answer in hand
        ("portal.vault.scrubbing._squashed", broken_for_the_value, True),  # looking for the value in what Segura said
        ("portal.changes.delivery.deliver.status_changes.mark_applied", broken, True),  # the commit after the answer
        ("portal.vault.transport._Adapter.send", broken, False),  # becomes an outcome: in doubt, or not sent
        ("portal.changes.domain.patch.build_patch", broken, False),  # before the intent: a person has to look
        ("portal.changes.domain.secret_encryption.fingerprint_secret", broken, False),
    ],
)
def test_defect_in_a_delivery(
    told: Told,
    segura: Sandbox,
    approved: Callable[..., Change],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    defect: Callable[..., Any],
    raises: bool,
) -> None:
    change = approved(value=CANARY)
    monkeypatch.setattr(place, defect)
    tasks.deliver_change.apply(args=[change.pk])
    assert len(told.reports) == raises
    if not raises:
        told.reports.append("a defect")
    change.refresh_from_db()
    assert change.status != Status.APPLIED
    expect_silence(told)
