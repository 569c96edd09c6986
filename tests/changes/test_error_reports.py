"""A defect in the middle of a proposal: the report of it shows neither client secret nor password."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.signals import got_request_exception
from django.http import HttpRequest
from django.test import Client
from django.views.debug import ExceptionReporter
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.sandbox import Sandbox
from tests.changes.paper import read_form
from tests.people import mirrored

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "-".join(["canary", "7f3a", "value"])
"""Not in one piece: a report quotes source lines, these here too."""
URL = "/secrets/43/propose/"


def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("a defect")


class BrokenCipher:
    """Opens what the form carried, and fails to seal with the plaintext among its arguments."""

    def __init__(self, key: bytes) -> None:
        self.decrypt = AESGCM(key).decrypt

    encrypt = broken


@pytest.fixture
def propose_with_value(segura: Sandbox, as_person: Callable[[User], Client], requester: User) -> Callable[[], Any]:
    """Sends the form with a client secret typed into it."""
    mirrored()
    browser = as_person(requester)
    browser.raise_request_exception = False
    data = read_form(browser.get(URL)) | {"secret_mode": "enter", "client_secret": CANARY, "reason": "why"}
    return lambda: browser.post(URL, data | {"act": "preview"})


@pytest.fixture
def reports() -> Iterator[list[str]]:
    """What Django would mail or show of each failure, as HTML and as text."""
    written: list[str] = []

    def report(request: HttpRequest, **_: Any) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())  # type: ignore[arg-type]
        written.append(reporter.get_traceback_html() + reporter.get_traceback_text())

    got_request_exception.connect(report)
    yield written
    got_request_exception.disconnect(report)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    ("place", "defect"),
    [
        ("portal.changes.forms.edit.EditForm.patch", broken),
        ("portal.changes.forms.fields.refuse_unseen", broken),
        ("portal.changes.sealed.fingerprint", broken),
        ("portal.keyring.AESGCM", BrokenCipher),
    ],
)
def test_report_shows_where_it_failed_and_no_client_secret(
    propose_with_value: Callable[[], Any],
    reports: list[str],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    defect: Any,
    debug: bool,
) -> None:
    settings.DEBUG = debug
    monkeypatch.setattr(place, defect)
    answer = propose_with_value()
    assert answer.status_code == 500
    (report,) = reports
    assert "a defect" in report
    assert "client_secret" in report
    for shown in (report, answer.content.decode()):
        assert CANARY not in shown


def test_report_of_a_failed_sign_in_shows_no_password_and_no_way_to_the_database(
    client: Client, db: None, reports: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = f"redis://:{CANARY}@127.0.0.1/0"
    monkeypatch.setattr("portal.accounts.signin.PortalAccountAdapter.pre_authenticate", broken)
    client.raise_request_exception = False
    client.cookies["csrf"] = CANARY
    database = {
        "DATABASE_URL": f"postgresql://portal:{CANARY}@localhost/portal"
    }  # runserver's META holds the environment
    client.post("/accounts/login/", {"login": "maria", "password": CANARY}, **database)
    (report,) = reports
    assert "a defect" in report
    assert CANARY not in report
