"""Before an export: how much it will hold. After it: whether it left whole."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import time_machine
from django.test import Client

from portal.accounts.models import User
from portal.audit.event_filters import EventFilters
from portal.audit.exports import log_export, past_exports, progress
from portal.audit.ledger import record_event
from portal.audit.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(auditor: User, as_person: Callable[[User], Client]) -> Client:
    return as_person(auditor)


def read(browser: Client, address: str = "/audit/exports/", status: int = 200, **headers: str) -> str:
    response = browser.get(address, headers=headers)
    assert response.status_code == status
    return re.sub(r"\s+", " ", response.content.decode())


def test_size_is_counted_as_far_as_it_is_cheap_and_bounded_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_exports, "_COUNTED", 4)
    for number in range(8):
        record_event("vault.responded", secret=43, http_status=201 if number % 2 else 404)
    assert past_exports.estimate_size(EventFilters(code="404")) == past_exports.ExportSize(4, 4)
    assert past_exports.estimate_size(EventFilters(secret=44)) == past_exports.ExportSize(0, 0)
    every = past_exports.estimate_size(EventFilters(secret=43))
    assert every.least == 4
    assert every.most >= 8
    assert not every.known


def test_page_says_how_much_and_keeps_the_filters(browser: Client) -> None:
    for _ in range(3):
        record_event("vault.responded", secret=43, http_status=404)
    text = read(browser, "/audit/exports/?secret=43&code=4xx")
    assert "3 events" in text
    assert 'href="/audit/export.csv?secret=43&amp;code=4xx"' in text
    assert 'href="/audit/?secret=43&amp;code=4xx"' in text
    assert "would be empty" in read(browser, "/audit/exports/?secret=44")
    assert "A response code is a number" in read(browser, "/audit/exports/?code=abc", 422)
    assert "No export of yours is on record" in text


def test_own_exports_are_listed_with_their_end(browser: Client, auditor: User) -> None:
    record_event("vault.responded", secret=43, http_status=404)
    whole = browser.get("/audit/export.csv?code=404")
    list(whole)  # type: ignore[call-overload]
    record_event("audit.exported", by="somebody", data={"format": "csv", "filters": {}})
    open_end = record_event("audit.exported", by=auditor.username, data={"format": "csv", "filters": {}})
    states = [(past.state, past.rows) for past in past_exports.list_user_exports(auditor.username)]
    assert states == [("running", None), ("complete", 1)]
    text = read(browser, **{"HX-Request": "true"})
    assert "<html" not in text
    assert "In progress" in text
    assert "Complete" in text
    assert "code 404" in text
    with time_machine.travel(Event.objects.get(pk=open_end).at.timestamp() + 3700):
        assert past_exports.list_user_exports(auditor.username)[0].state == "unended"


@pytest.mark.parametrize(("counted", "said"), [(10_000, "4 of 7"), (3, "4 so far")])
def test_an_export_under_way_says_how_far_it_is_and_ends_where_nobody_hears_of_it(
    counted: int, said: str, browser: Client, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_export, "_CHUNK", 2)
    monkeypatch.setattr(past_exports, "_COUNTED", counted)
    monkeypatch.setattr(progress, "_EVERY_S", 0)
    for _ in range(7):
        record_event("vault.responded", secret=43, http_status=404)
    file = iter(browser.get("/audit/export.jsonl?code=404"))  # type: ignore[call-overload]
    next(file)
    next(file)
    assert said in read(browser)
    begun = Event.objects.get(action="audit.exported")
    with time_machine.travel(begun.at.timestamp() + 200):
        assert past_exports.list_user_exports(auditor.username)[0].state == "running"
    with time_machine.travel(begun.at.timestamp() + 400):
        assert past_exports.list_user_exports(auditor.username)[0].state == "unended"
    list(file)
    (whole,) = past_exports.list_user_exports(auditor.username)
    assert (whole.state, whole.rows) == ("complete", 7)
    assert progress.get_running_exports([begun.pk]) == {}


def test_an_export_that_was_not_taken_whole_says_so(browser: Client, auditor: User) -> None:
    begun = record_event("audit.exported", by=auditor.username, data={"format": "csv", "filters": {}})
    ended = {"export": begun, "format": "csv", "rows": 2000, "complete": False}
    record_event("audit.export_ended", by=auditor.username, data=ended)
    text = read(browser)
    assert "Broken off" in text
    assert "2,000" in text or "2000" in text
