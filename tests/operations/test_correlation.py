"""One id from the click to the attempt: response, error page, log lines, task, events."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.celery import app
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import submission
from portal.common import request_id
from portal.common.json_logging import JsonFormatter
from portal.sandbox import Sandbox
from tests.changes.pages import ballot_of, send
from tests.changing import work
from tests.rig.visitor import wait_until
from tests.rig.workers import workers
from tests.segura import events

CLICK = "click-0123456789"
OWN = re.compile(r"[0-9a-f]{32}")
Proposing = Callable[..., Proposal]


@pytest.mark.django_db
@pytest.mark.parametrize("said", [CLICK, "a" * 64, "7f3d.9_A-8b"])
def test_well_formed_id_of_the_proxy_is_taken_over(said: str) -> None:
    assert Client(headers={"X-Request-ID": said}).get("/accounts/login/")["X-Request-ID"] == said


@pytest.mark.django_db
@pytest.mark.parametrize("said", ["", "short", "a" * 65, "with space 1", "<b>0123456789", "-starts-wrong", "ação-ação"])
def test_any_other_id_is_replaced(said: str) -> None:
    assert OWN.fullmatch(Client(headers={"X-Request-ID": said}).get("/accounts/login/")["X-Request-ID"])


@pytest.mark.django_db
def test_page_that_says_no_shows_the_id_to_quote(requester: User, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Client(headers={"X-Request-ID": CLICK}, raise_request_exception=False)
    browser.force_login(requester)
    assert f"<code>{CLICK}</code>" in browser.get("/nothing-here/").content.decode()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("portal.catalog.views.get_sync_status", fail)
    answer = browser.get("/secrets/")
    assert answer.status_code == 500
    assert f"<code>{CLICK}</code>" in answer.content.decode()


def lines_of(log: Path) -> list[dict[str, str]]:
    """The whole lines a worker has written so far."""
    written = log.read_text()
    whole = written[: written.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


def requests_of_tasks(log: Path) -> list[str]:
    """The id of each delivery's task that is over."""
    return [line["request"] for line in lines_of(log) if line["message"].startswith("changes.deliver took")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
def test_click_is_found_in_the_log_lines_of_the_worker_and_in_every_event_of_the_delivery(
    propose: Proposing, live_base: Snapshot, requester: User, approver: User, segura: Sandbox, tmp_path: Path
) -> None:
    change = submission.submit_change(propose(base=live_base), by=requester)
    browser = Client(headers={"X-Request-ID": CLICK})
    browser.force_login(approver)
    log = tmp_path / "worker.log"
    with workers(log, {"PORTAL_LOG_FORMAT": "json", "PORTAL_LOG_LEVEL": "INFO"}) as crew:
        crew.start(1)
        ballot = ballot_of(change, password="approver-correct-horse")
        assert send(browser, "approve", change, ballot).status_code == 302
        wait_until(lambda: Change.objects.get(pk=change.pk).status == Status.APPLIED, "the change is applied")
        wait_until(lambda: CLICK in requests_of_tasks(log), "the click's task says that it is over")
    (intended,) = events("delivery.intended")
    assert {event["request"] for event in (intended, *events("change.applied"), *events("change.approved"))} == {CLICK}
    lines = lines_of(log)
    (attempt,) = [line for line in lines if line["message"].startswith("attempt ")]
    assert attempt["request"] == CLICK
    assert intended["data"]["attempt"] in attempt["message"]
    requests = requests_of_tasks(log)
    assert requests.count(CLICK) == 1
    # The sweep may have reminded a worker of the change as well: that task goes by an id of its own.
    assert all(OWN.fullmatch(request) for request in requests if request != CLICK)


@pytest.mark.django_db(transaction=True)
def test_delivery_keeps_the_id_of_the_approval_when_its_message_is_lost(approved: Callable[..., Change]) -> None:
    with request_id.request_id_context(CLICK):
        change = approved(notes="Rotated")
    with request_id.request_id_context("sweep-of-the-clock"):
        assert work(change).status == Status.APPLIED
    assert {event["request"] for event in events("delivery.intended") + events("change.applied")} == {CLICK}


@pytest.mark.parametrize(("sent", "told"), [(CLICK, CLICK), ("<script>alert(1)</script>", None), (7, None)])
def test_id_out_of_a_message_is_taken_as_critically_as_one_of_a_stranger(sent: object, told: str | None) -> None:
    found: list[str] = []

    @app.task(name="tests.note_the_id")
    def note() -> None:
        found.append(request_id.current_request_id())

    task = app.tasks["tests.note_the_id"]
    task.push_request(id="1", called_directly=False, request_id=sent)
    try:
        task()
    finally:
        task.pop_request()
        del app.tasks["tests.note_the_id"]
    assert found == [told] if told else OWN.fullmatch(found[0])
    assert request_id.current_request_id() == ""


def formatted(message: str, *args: object, **extra: object) -> str:
    record = logging.makeLogRecord({"name": "portal.tests", "levelname": "INFO", "msg": message, "args": args, **extra})
    return JsonFormatter().format(record)


def test_json_line_is_one_line_and_holds_its_own_fields_alone() -> None:
    with request_id.request_id_context(CLICK):
        line = formatted("two\nlines of %s", "ação", request="<POST /?q=hidden>", status_code=500, body="hidden")
    assert "\n" not in line
    told = json.loads(line)
    assert told.keys() == {"at", "level", "logger", "message", "process", "request"}
    assert (told["request"], told["message"]) == (CLICK, "two\nlines of ação")
    assert "hidden" not in line


def test_json_line_of_a_failure_holds_its_places_and_no_variables() -> None:
    def fail(client_secret: str) -> None:
        raise RuntimeError("without the value")

    try:
        fail("hunter2")
    except RuntimeError:
        line = formatted("it failed", exc_info=sys.exc_info())
    assert "test_correlation.py" in json.loads(line)["error"]
    assert "hunter2" not in line.replace('fail("hunter2")', "").replace('fail(\\"hunter2\\")', "")


@pytest.mark.django_db
def test_act_leaves_a_line_with_the_name_of_its_page_and_nothing_that_was_typed(
    caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    with caplog.at_level(logging.INFO, "portal.operations.traffic_metrics"):
        Client().post(reverse("account_login") + "?next=/typed/", {"login": "typed", "password": "typed"})
    (record,) = [record for record in caplog.records if record.name == "portal.operations.traffic_metrics"]
    assert re.fullmatch(r"POST account_login: 200 in \d+ ms", record.getMessage())
