"""When the portal itself cannot serve: a page with a sentence, and the right code."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse
from django.test import Client

from portal.accounts.models import User


@pytest.fixture
def browser(requester: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(requester)
    return client


def answer_without_database(browser: Client, error: Exception) -> HttpResponse:
    def refuse(*_: object, **__: object) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "cursor", refuse)
        return browser.get("/secrets/")  # type: ignore[return-value]


def test_lost_database_is_a_503_that_says_so(browser: Client) -> None:
    answer = answer_without_database(browser, OperationalError("connection refused"))
    assert answer.status_code == 503
    assert "The database cannot be reached" in answer.content.decode()
    assert "connection refused" not in answer.content.decode()
    assert "default-src" in answer.headers["Content-Security-Policy"]


def test_full_database_is_a_503_that_says_so(browser: Client) -> None:
    words = 'could not extend file "base/5/1": No space left on device'
    answer = answer_without_database(browser, OperationalError(words))
    assert answer.status_code == 503
    assert "The database has no room left" in answer.content.decode()
    assert words not in answer.content.decode()


def test_any_other_failure_is_a_500(browser: Client) -> None:
    answer = answer_without_database(browser, RuntimeError("something else"))
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
