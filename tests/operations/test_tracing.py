"""OpenTelemetry, where it is installed: one trace from the click to the task that delivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import signals
from celery.contrib.testing.worker import start_worker
from django.db import connections
from django.test import Client

pytest.importorskip("opentelemetry.instrumentation.celery")

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from portal.accounts.models import User
from portal.celery import app
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import submission
from portal.common import tracing
from portal.sandbox import Sandbox
from tests.changes.pages import ballot_of, send
from tests.rig.visitor import wait_until

CLICK = "click-0123456789"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.start_tracing(SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop_tracing()


@pytest.fixture
def closing() -> Iterator[None]:
    """The worker is a thread here: the connection that it would keep for its next task ends with this one."""

    def close(**_: object) -> None:
        connections.close_all()

    signals.task_postrun.connect(close)
    yield
    signals.task_postrun.disconnect(close)


@pytest.mark.usefixtures("closing")
@pytest.mark.django_db(transaction=True)
def test_spans_lead_from_the_click_to_the_task_and_tell_no_query_and_no_value(
    spans: InMemorySpanExporter,
    propose: Callable[..., Proposal],
    live_base: Snapshot,
    requester: User,
    approver: User,
    segura: Sandbox,
) -> None:
    change = submission.submit_change(propose(base=live_base, value="the new value"), by=requester)
    browser = Client(headers={"X-Request-ID": CLICK})
    browser.force_login(approver)
    browser.get("/secrets/?q=looked-for")
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        assert send(browser, "approve", change, ballot_of(change, password="approver-correct-horse")).status_code == 302
        wait_until(lambda: Change.objects.get(pk=change.pk).status == Status.APPLIED, "the change is applied")
        wait_until(lambda: "run/changes.deliver" in named(spans), "the task has ended")
    told = named(spans)
    page, task = told["POST changes/<int:change_id>/approve/"], told["run/changes.deliver"]
    sent = told["apply_async/changes.deliver"]
    assert (task.parent.span_id, sent.parent.span_id) == (sent.context.span_id, page.context.span_id)
    assert task.context.trace_id == page.context.trace_id
    assert page.attributes["request.id"] == CLICK
    everything = "".join(span.to_json() for span in spans.get_finished_spans())
    for kept in ("looked-for", "the new value", "approver-correct-horse", segura.client_secret):
        assert kept not in everything


def named(spans: InMemorySpanExporter) -> dict[str, Any]:
    return {span.name: span for span in spans.get_finished_spans()}
