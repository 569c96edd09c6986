"""A wait that Segura or its gateway asks for is kept by every call to it, of every client and process."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import product

import pytest

from portal.vault import (
    DirectoryKind,
    InDoubt,
    InvalidResponse,
    MemoryWaits,
    NotApplied,
    NotSent,
    RedisWaits,
    VaultError,
    WaitRequested,
)
from portal.vault.outcomes import parse_retry_after

CALLS = {
    "list": lambda client: client.list_secrets(),
    "read": lambda client: client.read_secret(43),
    "update": lambda client: client.update_secret(43, {"notes": "n"}, attempt_id="a"),
    "names": lambda client: client.list_directory_page(DirectoryKind.USERS),
}


def in_seconds(seconds):
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def heard(call):
    """The wait in what a call came to, error or outcome."""
    try:
        came = call()
    except VaultError as error:
        came = error
    return came, getattr(came, "retry_after_s", None)


@pytest.mark.parametrize("header", ["30", " 30 ", lambda: in_seconds(30)], ids=["seconds", "spaces", "date"])
@pytest.mark.parametrize(("status", "endpoint"), [(429, ""), (503, ""), (429, "token"), (503, "token"), (500, "")])
@pytest.mark.parametrize("first", ["list", "read", "update"])
def test_no_call_is_made_before_the_wait_is_over(first, status, endpoint, header, sandbox, connect):
    waits = MemoryWaits()
    client = connect()
    client._waits = waits
    after = header() if callable(header) else header
    called = endpoint or {"read": "get"}.get(first, first)
    sandbox.control.plan(status=status, body="{}", headers={"Retry-After": after}, endpoint=called)
    came, wait_s = heard(lambda: CALLS[first](client))
    assert 25 < wait_s <= 30
    assert not isinstance(came, WaitRequested)
    assert not (isinstance(came, NotSent) and came.wait_is_requested)
    before = len(sandbox.control.arrivals())
    for call, tokens in product(CALLS.values(), (None, client._tokens)):
        other = connect(tokens=tokens)
        other._waits = waits
        came, wait_s = heard(lambda call=call, other=other: call(other))
        assert isinstance(came, WaitRequested) or (isinstance(came, NotSent) and came.wait_is_requested)
        assert 25 < wait_s <= 30
    assert len(sandbox.control.arrivals()) == before


def test_calls_go_on_when_the_wait_is_over(sandbox, client):
    sandbox.control.plan(status=429, body="{}", headers={"Retry-After": "1"}, endpoint="list")
    with pytest.raises(InvalidResponse):
        client.list_secrets()
    with pytest.raises(WaitRequested, match="next call is possible in 1 seconds"):
        client.list_secrets()
    time.sleep(1.05)
    assert client.list_secrets()


@pytest.mark.parametrize(
    "header", ["", "0", "-5", "soon", "1e3", "30, 60", "٣٠", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon"]
)
def test_answer_without_a_sane_wait_holds_nothing_up(header, sandbox, client):
    sandbox.control.plan(status=429, body="{}", headers={"Retry-After": header}, endpoint="get")
    with pytest.raises(InvalidResponse):
        client.read_secret(43)
    assert client.read_secret(43)


def test_wait_of_a_success_is_none(sandbox, client):
    sandbox.control.plan(headers={"Retry-After": "30"}, endpoint="get")
    assert client.read_secret(43)
    assert client.read_secret(43)


@pytest.mark.parametrize("header", ["9" * 400, "86400", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_wait_is_an_hour_at_most(header):
    assert parse_retry_after(header) == 3600


def test_outcome_of_an_update_carries_the_wait_whatever_it_is(sandbox, client):
    for status, kind in ((429, NotApplied), (503, InDoubt), (500, InDoubt), (302, InDoubt)):
        client._waits = MemoryWaits()
        sandbox.control.plan(
            status=status, body=json.dumps({"message": "no"}), headers={"Retry-After": "7"}, method="PUT"
        )
        outcome = client.update_secret(43, {"notes": "n"}, attempt_id="a")
        assert (type(outcome), outcome.retry_after_s) == (kind, 7)


def test_longer_wait_stays(redis_server):
    for waits in (MemoryWaits(), RedisWaits(redis_server.client())):
        waits.extend("k", 30)
        waits.extend("k", 5)
        assert 29 < waits.left_s("k") <= 30
        waits.extend("k", 60)
        assert 59 < waits.left_s("k") <= 60
        assert waits.left_s("other") == 0


def test_wait_is_shared_through_redis_and_kept_here_without_it(redis_server):
    mine, theirs = RedisWaits(redis_server.client()), RedisWaits(redis_server.client())
    mine.extend("k", 30)
    assert 29 < theirs.left_s("k") <= 30
    redis_server.stop()
    assert 29 < mine.left_s("k") <= 30
    assert theirs.left_s("k") == 0
    theirs.extend("k", 9)
    assert 8 < theirs.left_s("k") <= 9
