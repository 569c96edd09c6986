"""Pages of a silent Segura: each waits a bounded time, and not all of them at once, so that the portal stays usable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from django.db import connections
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.catalog import availability
from portal.catalog.availability import AT_ONCE
from portal.catalog.details import DetailsUnavailable, fetch_details_for_user
from portal.catalog.segura_client import build_client
from portal.devserver.redis_server import free_port
from portal.sandbox import Sandbox
from portal.vault import InvalidResponse, ReadRefused, Unreachable, VaultError
from tests.people import mirrored

pytestmark = pytest.mark.django_db(transaction=True)

PAGE_S = 0.6


@pytest.fixture
def silent(segura: Sandbox, settings: Settings) -> Iterator[Sandbox]:
    """A Segura that takes calls and never answers; workers would wait for five seconds."""
    settings.SEGURA_PAGE_DEADLINE_S = PAGE_S
    segura.control.plan("hold", times=None)
    yield segura
    segura.control.clear_faults()
    segura.control.release()


def timed_read() -> tuple[str, float]:
    """What a person is told who reads 43, and after how many seconds."""
    began = time.monotonic()
    try:
        fetch_details_for_user(43, by="requester")
    except DetailsUnavailable as failed:
        return failed.failure.sentence, time.monotonic() - began
    return "", time.monotonic() - began


def test_page_waits_for_a_silent_segura_no_longer_than_its_own_deadline(
    silent: Sandbox, as_person: Callable[[User], Client], requester: User
) -> None:
    mirrored()
    browser = as_person(requester)
    began = time.monotonic()
    page = browser.get("/secrets/43/").content.decode()
    assert time.monotonic() - began < PAGE_S + 1
    assert "token endpoint did not answer" in page


def test_token_and_reading_share_one_deadline(segura: Sandbox, settings: Settings) -> None:
    settings.SEGURA_PAGE_DEADLINE_S = 1.2
    segura.control.plan("slow:0.9", endpoint="token")
    segura.control.plan("slow:0.9", endpoint="get")
    said, took = timed_read()
    assert "did not answer in time" in said
    assert 1.0 < took < 1.6


def test_waiting_for_somebody_elses_token_counts_too(silent: Sandbox) -> None:
    worker = threading.Thread(target=in_thread(lambda: build_client().read_secret(43)))
    worker.start()
    while not silent.control.arrivals("token"):
        time.sleep(0.01)
    said, took = timed_read()
    silent.control.release()
    silent.control.clear_faults()
    worker.join(10)
    assert "no time was left to ask for a token" in said
    assert took < PAGE_S + 0.5


def test_four_pages_at_once_leave_a_thread_free(silent: Sandbox, settings: Settings) -> None:
    settings.SEGURA_PAGE_DEADLINE_S = 3.0
    told: list[tuple[str, float]] = []
    pages = [threading.Thread(target=in_thread(lambda: told.append(timed_read()))) for _ in range(4)]
    for page in pages:
        page.start()
    for page in pages:
        page.join(20)
    times = sorted(took for _, took in told)
    assert len(told) == 4
    assert times[0] < 2 < times[1]
    assert times[-1] < 4
    assert len([said for said, _ in told if "others waited for it" in said]) == 4 - AT_ONCE


def test_after_two_silent_readings_pages_fail_at_once_until_it_has_rested(
    silent: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability, "REST_S", 1.0)
    assert all(took >= PAGE_S - 0.1 for _, took in (timed_read(), timed_read()))
    silent.control.clear_journal()
    rested_at = time.monotonic() + 1.0
    said, took = timed_read()
    assert "Segura cannot be reached (others waited for it just now" in said
    assert took < 0.3
    assert silent.control.arrivals() == []
    silent.control.clear_faults()
    time.sleep(max(0.0, rested_at - time.monotonic()))
    assert timed_read()[0] == ""
    assert timed_read()[0] == ""


def test_workers_ask_segura_while_pages_do_not(segura: Sandbox, settings: Settings) -> None:
    url, settings.SEGURA_URL = settings.SEGURA_URL, f"http://127.0.0.1:{free_port()}/"
    timed_read()
    timed_read()
    settings.SEGURA_URL = url
    assert "others waited" in timed_read()[0]
    assert build_client().read_secret(43).identifier == 43


@pytest.mark.parametrize(
    "answer", [ReadRefused("no", status=400), InvalidResponse("504", status=504), None], ids=["refused", "504", "read"]
)
def test_an_answer_whatever_it_says_is_no_silence(answer: VaultError | None) -> None:
    watched = availability.AvailabilityGuard()
    for came in (Unreachable("away"), answer, Unreachable("away"), answer, Unreachable("away")):
        begun = False
        with suppress(VaultError), watched.watch():
            begun = True
            if came is not None:
                raise came
        assert begun


def in_thread(act: Callable[[], object]) -> Callable[[], None]:
    """The act, with the thread's database connections closed behind it."""

    def run() -> None:
        try:
            with suppress(VaultError):
                act()
        finally:
            connections.close_all()

    return run
