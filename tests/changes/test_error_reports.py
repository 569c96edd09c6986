"""A defect while somebody signs in: the report shows no password; tests/secrets/test_every_frame.py has the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.http import HttpRequest
from django.test import Client
from django.views.debug import ExceptionReporter
from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

CANARY = "-".join(["canary", "7f3a", "value"])
"""Not in one piece: a report quotes source lines, these here too."""


def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("a defect")


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


def test_report_of_a_failed_sign_in_shows_no_password_and_no_way_to_the_database(
    client: Client, db: None, reports: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = f"redis://:{CANARY}@127.0.0.1/0"
    monkeypatch.setattr("portal.accounts.adapter.PortalAccountAdapter.pre_authenticate", broken)
    client.raise_request_exception = False
    client.cookies["csrf"] = CANARY
    database = {
        "DATABASE_URL": f"postgresql://portal:{CANARY}@localhost/portal"
    }  # runserver's META holds the environment
    client.post("/accounts/login/", {"login": "maria", "password": CANARY}, **database)
    (report,) = reports
    assert "a defect" in report
    assert CANARY not in report
