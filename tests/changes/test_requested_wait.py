"""A wait that Segura asks for is kept by workers and pages alike, and counts as nobody's failure."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.utils import timezone

from portal.catalog import directory
from portal.catalog.details import DetailsUnavailable, fetch_details_for_user
from portal.catalog.read_failure import FailureKind
from portal.catalog.sync import sync_catalog
from portal.changes.delivery import circuit_breaker, reconcile
from portal.changes.models import Change, CircuitBreaker, Status
from portal.sandbox import Sandbox
from tests.changing import work
from tests.people import mirrored

pytestmark = pytest.mark.django_db(transaction=True)


def seconds_until_due(change: Change) -> float:
    assert change.not_before is not None
    return (change.not_before - timezone.now()).total_seconds()


@pytest.mark.parametrize("endpoint", ["get", "token", "update"])
def test_worker_does_not_call_before_the_wait_is_over(
    endpoint: str, segura: Sandbox, approved: Callable[..., Change]
) -> None:
    change = approved()
    segura.control.revoke_tokens()
    segura.control.plan("429:30", endpoint=endpoint)
    change = work(change)
    assert change.status == Status.APPROVED
    assert 25 < seconds_until_due(change) <= 30
    before = len(segura.control.arrivals())
    Change.objects.filter(pk=change.pk).update(not_before=None)
    change = work(change)
    assert change.status == Status.APPROVED
    assert 25 < seconds_until_due(change) <= 30
    assert len(segura.control.arrivals()) == before


def test_reading_back_waits_as_long(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved()
    segura.control.plan("504_before_apply", endpoint="update", headers={"Retry-After": "30"})
    assert work(change).status == Status.IN_DOUBT
    reconcile.resolve_unknown_outcome(change.pk)
    change.refresh_from_db()
    assert change.status == Status.IN_DOUBT
    assert 25 < seconds_until_due(change) <= 30
    assert segura.control.arrivals("get")[-1]["seq"] < segura.control.arrivals("update")[-1]["seq"]


def test_calls_that_were_not_made_do_not_pause_delivery(segura: Sandbox, approved: Callable[..., Change]) -> None:
    change = approved()
    segura.control.plan("429:30", endpoint="get")
    work(change)
    failures = CircuitBreaker.objects.get().failures
    for _ in range(circuit_breaker.FAILURES + 1):
        Change.objects.filter(pk=change.pk).update(not_before=None)
        work(change)
    assert CircuitBreaker.objects.get().failures == failures
    assert not circuit_breaker.is_paused()


def test_page_list_and_directory_say_that_segura_asked_to_wait(scim: Sandbox) -> None:
    mirrored()
    scim.control.plan("429:30", endpoint="list")
    assert sync_catalog().kind == FailureKind.WAIT
    before, started = len(scim.control.arrivals()), time.monotonic()
    second, names = sync_catalog(), directory.sync_directory(at_once=True)
    with pytest.raises(DetailsUnavailable) as raised:
        fetch_details_for_user(43, by="requester")
    assert names is not None
    assert [second.kind, names.kind, raised.value.failure.kind] == [FailureKind.WAIT] * 3
    assert "the next call is possible in" in raised.value.failure.sentence
    assert len(scim.control.arrivals()) == before
    assert time.monotonic() - started < 5
