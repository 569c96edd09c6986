"""32 tasks that need a token at once, each with a client of its own, as the portal's are: one of them fetches it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection as database
from pytest_django.fixtures import Settings
from redis import Redis

from portal.catalog import segura_client
from portal.sandbox import Sandbox
from portal.vault import RedisTokens, VaultError

HERD = 32

pytestmark = [pytest.mark.django_db, pytest.mark.shows("S10")]


@pytest.fixture
def herd(segura: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """All read the list in the same moment, as the tasks of four processes; what each came to."""
    settings.SEGURA_DEADLINE_S = 20
    monkeypatch.setattr(
        segura_client.ledger, "record_event", lambda *_args, **_named: 0
    )  # 32 writers are another test's subject
    stores = [
        RedisTokens(Redis.from_url(settings.REDIS_URL, socket_timeout=2.0), segura_client._TokenCipher())
        for _ in range(4)
    ]

    def task(number: int, start: threading.Barrier) -> Any:
        client = segura_client.build_client()
        client._tokens = stores[number % len(stores)]
        start.wait()
        try:
            return client.list_secrets()
        except VaultError as error:
            return error
        finally:
            database.close()

    def run() -> list[Any]:
        start = threading.Barrier(HERD)
        with ThreadPoolExecutor(HERD) as pool:
            return list(pool.map(lambda number: task(number, start), range(HERD)))

    return run


def fetches(segura: Sandbox) -> int:
    return len(segura.control.arrivals("token"))


def test_one_fetch_at_the_start_and_one_at_expiry(segura: Sandbox, herd: Callable[[], list[Any]]) -> None:
    segura.control.knobs(token_ttl=2)
    segura.control.plan(endpoint="token", delay_s=0.2, times=None)
    assert all(isinstance(rows, list) for rows in herd())
    assert fetches(segura) == 1
    segura.control.knobs(token_ttl=3600)
    time.sleep(2)  # the life of the token
    assert all(isinstance(rows, list) for rows in herd())
    assert fetches(segura) == 2


@pytest.mark.parametrize("style", ["envelope401", "kong404"])
def test_two_fetches_at_most_after_the_token_was_revoked(
    segura: Sandbox, herd: Callable[[], list[Any]], style: str
) -> None:
    herd()
    segura.control.knobs(auth_failure_style=style)
    segura.control.revoke_tokens()
    segura.control.plan(endpoint="token", delay_s=0.2, times=None)
    assert all(isinstance(rows, list) for rows in herd())
    assert fetches(segura) <= 1 + 2


def test_a_token_endpoint_that_fails_is_asked_once_for_each_process(
    segura: Sandbox, herd: Callable[[], list[Any]]
) -> None:
    segura.control.plan(endpoint="token", status=500, body="{}", delay_s=0.3, times=None)
    assert all(isinstance(error, VaultError) for error in herd())
    assert fetches(segura) <= 4


def test_a_token_never_taken_is_fetched_twice_and_no_more_for_each_task(
    segura: Sandbox, herd: Callable[[], list[Any]]
) -> None:
    segura.control.plan("401", endpoint="list", times=None)
    assert all(isinstance(error, VaultError) for error in herd())
    assert fetches(segura) <= 2 * HERD


def test_what_is_in_redis_is_sealed(segura: Sandbox, settings: Settings, herd: Callable[[], list[Any]]) -> None:
    herd()
    (token,) = segura.grants._ends
    with Redis.from_url(settings.REDIS_URL) as redis:
        held = b"".join(redis.get(key) or b"" for key in redis.scan_iter("segura:token:*"))
    assert held
    assert token.encode() not in held
    assert token.split(".")[1].encode() not in held
