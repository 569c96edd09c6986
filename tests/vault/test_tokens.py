"""Tokens: one fetch for all, renewed early, dropped once, sealed in Redis, and alive without Redis."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.vault import AccessToken, Applied, MemoryTokens, NotSent, RedisTokens, SecretStr

HERD = 32


class AesCipher:
    """Authenticated encryption bound to its place, as the portal supplies it."""

    def __init__(self) -> None:
        self._key = AESGCM(AESGCM.generate_key(256))

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._key.encrypt(nonce, plaintext, aad)

    def decrypt(self, encrypted: bytes, aad: bytes) -> bytes:
        return self._key.decrypt(encrypted[:12], encrypted[12:], aad)


def _at_once(jobs):
    barrier = threading.Barrier(len(jobs))

    def run(job):
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


@pytest.fixture
def clients(connect, redis_server):
    """Four workers: each with its own memory, one Redis and one key for all."""
    cipher = AesCipher()
    patient = {"deadline_s": 10, "read_timeout_s": 10}
    return [connect(tokens=RedisTokens(redis_server.client(), cipher), **patient) for _ in range(4)]


@pytest.mark.shows("S10")
def test_herd_at_expiry_fetches_one_token(sandbox, clients):
    sandbox.control.knobs(token_ttl=1)
    sandbox.control.plan(endpoint="token", delay_s=0.2, times=None)
    clients[0].list_secrets()
    time.sleep(1.05)
    sandbox.control.knobs(token_ttl=3600)
    already = sandbox.control.journal()["tokens_issued"]
    found = _at_once([clients[n % 4].list_secrets for n in range(HERD)])
    assert len(found) == HERD
    assert sandbox.control.journal()["tokens_issued"] == already + 1


@pytest.mark.shows("S10")
def test_storm_of_401_fetches_two_tokens_at_most(sandbox, clients):
    clients[0].list_secrets()
    sandbox.control.knobs(auth_failure_style="envelope401")
    sandbox.control.revoke_tokens()
    sandbox.control.plan(endpoint="token", delay_s=0.2, times=None)
    found = _at_once([lambda c=clients[n % 4]: c.list_secrets() for n in range(HERD)])
    assert len(found) == HERD
    assert sandbox.control.journal()["tokens_issued"] <= 1 + 2


def test_memory_herd_fetches_one_token(sandbox, connect):
    client = connect(deadline_s=10, read_timeout_s=10)
    sandbox.control.plan(endpoint="token", delay_s=0.2, times=None)
    _at_once([client.list_secrets] * HERD)
    assert sandbox.control.journal()["tokens_issued"] == 1


@pytest.mark.shows("S10")
def test_herd_at_a_failing_token_endpoint_asks_once_and_waits_once(sandbox, connect):
    client = connect()
    sandbox.control.plan(endpoint="token", status=500, body="{}", delay_s=0.3, times=None)
    begun = time.monotonic()
    outcomes = _at_once([lambda: client.update_secret(43, {"name": "x"}, attempt_id="a")] * HERD)
    assert {type(outcome) for outcome in outcomes} == {NotSent}
    assert time.monotonic() - begun < 2
    assert len(sandbox.control.arrivals("token")) <= 2


def test_a_failure_is_not_remembered_for_the_next_call(sandbox, client):
    sandbox.control.plan(endpoint="token", status=500, body="{}")
    assert type(client.update_secret(43, {"name": "x"}, attempt_id="a")) is NotSent
    assert type(client.update_secret(43, {"name": "x"}, attempt_id="a")) is Applied


def test_token_is_renewed_at_four_fifths_of_its_life(sandbox, client):
    sandbox.control.knobs(token_ttl=1)
    client.list_secrets()
    time.sleep(0.5)
    client.list_secrets()
    assert sandbox.control.journal()["tokens_issued"] == 1
    time.sleep(0.35)
    client.list_secrets()
    assert sandbox.control.journal()["tokens_issued"] == 2


def test_a_living_token_is_used_while_renewal_fails(sandbox, client):
    sandbox.control.knobs(token_ttl=2)
    client.list_secrets()
    time.sleep(1.65)
    sandbox.control.plan("502", endpoint="token", times=None)
    assert type(client.update_secret(43, {"name": "x"}, attempt_id="a")) is Applied


@pytest.mark.parametrize("said", [None, 0, -5, "soon", True, float("nan"), float("inf"), {}, 10**9, "3600", 3600])
def test_missing_and_absurd_lifetimes_are_bounded(said):
    token = AccessToken.granted(SecretStr("t"), said, 1000.0)
    life = token.ends_at - 1000.0
    assert 0 < life <= 24 * 3600
    assert token.renew_at == pytest.approx(1000.0 + 0.8 * life)
    assert life == {3600: 3600, "3600": 3600, 10**9: 24 * 3600}.get(said if said.__hash__ else None, 300)


def test_token_without_expires_in_works(sandbox, client):
    sandbox.control.knobs(token_ttl=0)
    assert client.list_secrets()
    assert client.list_secrets()
    assert sandbox.control.journal()["tokens_issued"] == 1


def test_only_the_rejected_token_is_dropped(redis_server):
    for store in (MemoryTokens(), RedisTokens(redis_server.client(), AesCipher())):
        old, new = (AccessToken.granted(SecretStr(value), 60, time.time()) for value in ("old", "new"))
        store.put("k", new)
        store.drop("k", old)
        assert store.get("k") == new
        store.drop("k", new)
        assert store.get("k") is None
        store.drop("k", new)


@pytest.mark.shows("S10")
def test_token_is_shared_through_redis_sealed_and_with_an_end(sandbox, clients, redis_server):
    clients[0].list_secrets()
    assert clients[1].list_secrets()
    assert sandbox.control.journal()["tokens_issued"] == 1
    redis = redis_server.client()
    (key,) = redis.keys("*")
    stored = redis.get(key)
    (token,) = sandbox.grants._ends
    assert 0 < redis.pttl(key) <= 3600 * 1000
    for secret in (token, sandbox.client_secret, token.split(".")[1]):
        assert secret.encode() not in stored + key


def test_a_token_sealed_by_another_key_or_moved_is_no_token(redis_server):
    redis, cipher = redis_server.client(), AesCipher()
    token = AccessToken.granted(SecretStr("t"), 60, time.time())
    RedisTokens(redis, cipher).put("k", token)
    assert RedisTokens(redis, cipher).get("k") == token
    assert RedisTokens(redis, AesCipher()).get("k") is None
    redis.set("elsewhere", redis.get("k"))
    assert RedisTokens(redis, cipher).get("elsewhere") is None
    redis.set("k", b"noise")
    store = RedisTokens(redis, cipher)
    assert store.get("k") is None
    store.drop("k", token)
    assert redis.get("k") is None


def test_without_redis_the_process_keeps_its_own_token(sandbox, clients, redis_server):
    redis_server.stop()
    for _ in range(3):
        assert type(clients[0].update_secret(43, {"name": "x"}, attempt_id="a")) is Applied
    assert sandbox.control.journal()["tokens_issued"] == 1


def test_a_frozen_redis_costs_one_timeout(clients, redis_server):
    clients[0].list_secrets()
    redis_server.process.send_signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        for _ in range(5):
            assert type(clients[0].update_secret(43, {"name": "x"}, attempt_id="a")) is Applied
        assert time.monotonic() - begun < 1.5
    finally:
        redis_server.process.send_signal(signal.SIGCONT)


def test_a_holder_that_died_is_waited_for_no_longer_than_the_lock_lasts(redis_server):
    first = RedisTokens(redis_server.client(), AesCipher(), lock_s=0.5)
    second = RedisTokens(redis_server.client(), AesCipher(), lock_s=0.5)
    with first.lock("k"):
        begun = time.monotonic()
        with second.lock("k"):
            waited = time.monotonic() - begun
    assert 0.3 < waited < 1.5
    with first.lock("k"):
        pass


def test_credentials_go_as_body_or_basic_by_setting(sandbox, connect):
    for offered, accepted in (("body", "body"), ("basic", "basic"), ("body", "both"), ("basic", "both")):
        sandbox.control.knobs(client_auth=accepted)
        assert connect(client_auth=offered).list_secrets()
    sandbox.control.knobs(client_auth="basic")
    assert type(connect(client_auth="body").update_secret(43, {"name": "x"}, attempt_id="a")) is NotSent


def test_tenant_is_sent_where_set(sandbox, connect):
    sandbox.control.knobs(tenant_mode="param")
    assert connect(tenant="acme").list_secrets()
    outcome = connect().update_secret(43, {"name": "x"}, attempt_id="a")
    assert type(outcome) is NotSent
    assert "SEGURA_CLIENT_ID" in outcome.reason


def test_token_url_may_be_elsewhere(sandbox, connect):
    assert connect(token_url=sandbox.url + "iso/oauth2/token").list_secrets()
    outcome = connect(token_url=sandbox.url + "nowhere").update_secret(43, {"name": "x"}, attempt_id="a")
    assert "SEGURA_TOKEN_URL" in outcome.reason


def test_opaque_tokens_work(sandbox, connect):
    sandbox.control.knobs(token_style="opaque")
    assert connect().list_secrets()


def test_token_endpoint_that_is_gone_is_not_sent(sandbox, connect):
    client = connect(token_url="http://127.0.0.1:1/token")
    outcome = client.update_secret(43, {"name": "x"}, attempt_id="a")
    assert type(outcome) is NotSent
    assert "token endpoint" in outcome.reason


def test_spare_secret_is_tried_where_the_first_is_refused_and_nowhere_else(sandbox, connect):
    client = connect(
        client_secret=SecretStr("not it"), spare_secrets=(SecretStr("nor this"), SecretStr(sandbox.client_secret))
    )
    client.list_secrets()
    assert [exchange.status for exchange in client.exchanges] == [401, 401, 200, 200]
    sandbox.control.plan("503", endpoint="token", times=None)
    away = connect(spare_secrets=(SecretStr("a spare"),))
    assert isinstance(away.update_secret(43, {"notes": "x"}, attempt_id="a"), NotSent)
    assert [exchange.status for exchange in away.exchanges] == [503]
