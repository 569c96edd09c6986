"""manage.py doctor against engines that are really set up wrongly: each thing found, with what to do about it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from portal.accounts.models import User
from portal.audit.sealing import sealer
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import review, submission
from portal.common import keyring
from portal.devserver.redis_server import free_port
from portal.operations import doctor, heartbeats
from portal.operations.doctor import broker, clocks, configuration, database, keys, workers
from portal.operations.doctor import segura as connection_to_segura
from portal.operations.doctor.finding import Finding, Severity
from portal.sandbox import Sandbox
from tests.audit.tampering import insert
from tests.rig.portal import ROOT
from tests.rig.redis import RedisServer, redis_server
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db
SEEDS = [base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]


def wrong(findings: Iterable[Finding], level: Severity = Severity.PROBLEM) -> list[str]:
    """What is found on this level; each has something to do about it."""
    found = [finding for finding in findings if finding.level is level]
    assert all(finding.todo for finding in found)
    return [finding.found for finding in found]


# --- The broker ---------------------------------------------------------------------------------------


@pytest.fixture
def own_redis(tmp_path: Path, settings: Settings) -> Iterator[RedisServer]:
    """One as `make run` starts it, for this test to spoil."""
    with redis_server(tmp_path, durable=True) as server:
        settings.REDIS_URL = server.url
        yield server


def test_broker_as_the_portal_starts_it_is_well(own_redis: RedisServer) -> None:
    found = list(broker.check_broker())
    assert {finding.level for finding in found} == {Severity.OK}
    assert len(found) == 2


@pytest.mark.parametrize(
    ("setting", "value", "level", "found"),
    [
        ("maxmemory-policy", "allkeys-lru", Severity.PROBLEM, "maxmemory-policy is allkeys-lru"),
        ("maxmemory-policy", "volatile-ttl", Severity.ADVICE, "maxmemory-policy is volatile-ttl"),
        ("appendonly", "no", Severity.ADVICE, "appendonly is no"),
        ("maxmemory", "900kb", Severity.PROBLEM, "% of maxmemory is used"),
    ],
)
def test_broker_that_would_lose_what_it_is_given_is_found(
    own_redis: RedisServer, setting: str, value: str, level: Severity, found: str
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        redis.config_set(setting, value)
    (told,) = wrong(broker.check_broker(), level)
    assert found in told


def test_replica_and_a_frozen_or_lost_broker_are_found(own_redis: RedisServer) -> None:
    with Redis.from_url(own_redis.url) as redis:
        redis.replicaof("127.0.0.1", str(free_port()))
        assert "replica" in wrong(broker.check_broker())[0]
    own_redis.freeze()
    began = time.monotonic()
    assert wrong(broker.check_broker()) == ["it does not answer (TimeoutError)"]
    assert time.monotonic() - began < 5
    own_redis.thaw()
    own_redis.kill()
    assert wrong(broker.check_broker()) == ["it does not answer (ConnectionError)"]


# --- The database -------------------------------------------------------------------------------------


@pytest.fixture
def as_role() -> Iterator[Callable[..., None]]:
    """Goes on as a new role, limited as `restrict_db_role` limits it, and what is granted beyond."""

    def become(*grants: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE ROLE examined")
        call_command("restrict_db_role", "examined", stdout=StringIO())
        with connection.cursor() as cursor:
            for grant in grants:
                cursor.execute(f"GRANT {grant} ON audit_event TO examined")
            cursor.execute("SET ROLE examined")

    yield become
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE; DROP OWNED BY examined; DROP ROLE examined")


def test_superuser_and_a_server_that_forgets_are_found() -> None:
    """Which the tests' own are."""
    found = wrong(database.check_database())
    assert any("superuser" in one for one in found)
    assert {"fsync is off", "synchronous_commit is off", "full_page_writes is off"} <= set(found)


def test_role_that_can_only_add_to_the_log_is_well(as_role: Callable[..., None]) -> None:
    as_role()
    found = [finding.found for finding in database.check_database()]
    assert "role examined can only add to the log" in found


@pytest.mark.parametrize("grant", ["INSERT", "UPDATE", "DELETE", "TRUNCATE"])
def test_role_that_could_alter_the_log_is_found(grant: str, as_role: Callable[..., None]) -> None:
    as_role(grant)
    assert "role examined may alter the log, empty it or write past its function" in wrong(database.check_database())


def test_switched_off_guard_of_the_log_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only")
    try:
        assert "the log's guards do not stand: audit_event_append_only" in wrong(database.check_database())
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only")
    assert not any("do not stand" in one for one in wrong(database.check_database()))


def test_missing_migration_is_found() -> None:
    applied = MigrationRecorder(connection).migration_qs.filter(app="operations")
    kept = list(applied)
    applied.delete()
    try:
        assert f"{len(kept)} migrations are not applied" in wrong(database.check_database())
    finally:
        for one in kept:
            one.save(force_insert=True)


# --- Clocks -------------------------------------------------------------------------------------------


def test_clocks_that_agree_are_well() -> None:
    heartbeats.record_heartbeat("celery@right", ["celery"])
    assert {finding.level for finding in clocks.check_clocks()} == {Severity.OK}


@pytest.mark.parametrize(("ahead_s", "level"), [(45, Severity.PROBLEM), (-45, Severity.PROBLEM), (10, Severity.ADVICE)])
def test_worker_whose_clock_is_wrong_is_named(ahead_s: int, level: Severity, settings: Settings) -> None:
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.flushdb()
    with time_machine.travel(timezone.now() + timedelta(seconds=ahead_s)):
        heartbeats.record_heartbeat("celery@astray", ["celery"])
    (told,) = wrong(clocks.check_clocks(), level)
    assert told.startswith("worker celery@astray is ")
    assert ("ahead of" in told) == (ahead_s > 0)


def test_own_clock_is_compared_with_the_databases() -> None:
    with time_machine.travel(timezone.now() - timedelta(minutes=2)):
        found = wrong(clocks.check_clocks())
    assert found[0].startswith("this machine is 120.")
    assert "behind the database's clock" in found[0]


# --- Keys ---------------------------------------------------------------------------------------------


def test_value_whose_key_is_gone_is_found(
    propose: Callable[..., Proposal], requester: User, no_queue: None, settings: Settings
) -> None:
    submission.submit_change(propose(value="a new value of these tests"), by=requester)
    assert not any("rest under" in one for one in wrong(keys.check_keys()))
    settings.ENCRYPTION_KEYS = f"another:{SEEDS[0]}"
    keyring.get_keyring.cache_clear()
    try:
        assert any("which PORTAL_ENCRYPTION_KEYS lacks" in one for one in wrong(keys.check_keys()))
    finally:
        keyring.get_keyring.cache_clear()


def test_vote_whose_key_left_the_ring_and_a_key_that_no_vote_needs_are_found(
    submitted: Change, approver: User, settings: Settings, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(keyring.mac_ring.cache_clear)
    review.request_changes(
        submitted.pk,
        by=approver,
        revision=1,
        digest=submitted.get_current_revision().digest,
        reason="Not so",
        recent_auth=PRESENT,
    )
    own = settings.APPROVAL_MAC_KEYS
    rings = {
        own: (Severity.OK, "every vote can be proved"),
        f"{own},spare:{SEEDS[0]}": (Severity.ADVICE, "key spare authenticates no vote"),
        f"other:{SEEDS[0]}": (Severity.PROBLEM, "which PORTAL_APPROVAL_MAC_KEYS lacks"),
        "": (Severity.PROBLEM, "PORTAL_APPROVAL_MAC_KEYS is not set"),
    }
    for ring, (level, found) in rings.items():
        settings.APPROVAL_MAC_KEYS = ring
        keyring.mac_ring.cache_clear()
        assert any(found in finding.found for finding in keys.check_keys() if finding.level is level)


def test_log_that_waits_and_a_signing_key_that_is_another_one_are_found(settings: Settings) -> None:
    settings.AUDIT_SIGNING_KEY = SEEDS[0]
    sealer.seal_pending_events()
    assert wrong(keys.check_keys()) == []
    settings.AUDIT_SIGNING_KEY = SEEDS[1]
    insert(at=timezone.now() - timedelta(hours=1), action="catalog.synced", text="{}")
    found = wrong(keys.check_keys())
    assert any("are not sealed" in one for one in found)
    assert any("and the log is signed with" in one for one in found)
    settings.AUDIT_SIGNING_KEY = "nonsense"
    assert not any("nonsense" in one for one in wrong(keys.check_keys()))


# --- Settings, workers, Segura -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "level", "found"),
    [
        ({"BASE_URL": "https://portal.example", "TRUSTED_PROXIES": 0}, Severity.ADVICE, "PORTAL_TRUSTED_PROXIES is 0"),
        ({"ALLOWED_HOSTS": ["*"]}, Severity.PROBLEM, "ALLOWED_HOSTS takes every name"),
        ({"ALLOWED_HOSTS": ["other.example"]}, Severity.PROBLEM, "ALLOWED_HOSTS lacks localhost"),
        ({"PORTAL_DEMO": True, "BASE_URL": "https://portal.example"}, Severity.PROBLEM, "PORTAL_DEMO is on"),
        ({"DELIVERY_SPOOL_DIR": Path(__file__) / "spool"}, Severity.PROBLEM, "cannot be written to"),
        ({"METRICS_TOKEN": ""}, Severity.ADVICE, "PORTAL_METRICS_TOKEN is not set"),
    ],
)
def test_setting_that_no_deployment_should_have_is_found(
    given: dict[str, Any], level: Severity, found: str, settings: Settings
) -> None:
    settings.METRICS_TOKEN = "a token"
    assert not any(found in one for one in wrong(configuration.check_configuration(), level))
    for name, value in given.items():
        setattr(settings, name, value)
    assert any(found in one for one in wrong(configuration.check_configuration(), level))


@pytest.mark.parametrize(
    ("process", "advised"),
    [
        ("", {"PORTAL_METRICS_TOKEN", "PORTAL_FINGERPRINT_KEY", "EMAIL_URL"}),
        ("web", {"PORTAL_METRICS_TOKEN", "PORTAL_FINGERPRINT_KEY", "EMAIL_URL"}),
        ("worker", {"PORTAL_FINGERPRINT_KEY", "EMAIL_URL"}),
        ("sealer", {"EMAIL_URL"}),
        ("scheduler", set()),
        ("owner", set()),
    ],
)
def test_process_is_advised_on_what_it_needs_itself(process: str, advised: set[str], settings: Settings) -> None:
    settings.METRICS_TOKEN = settings.FINGERPRINT_KEY = settings.EMAIL_HOST = ""
    settings.PROCESS, settings.DELIVERY_SPOOL_DIR = process, Path(__file__) / "spool"
    found = list(configuration.check_configuration())
    assert {one.split()[0] for one in wrong(found, Severity.ADVICE) if "is not set" in one} == advised
    assert any("DELIVERY_SPOOL_DIR" in one for one in wrong(found)) is (process in {"", "worker"})


@pytest.mark.parametrize("process", ["sealer", "scheduler", "owner"])
def test_process_without_keys_is_asked_for_none(process: str, settings: Settings) -> None:
    settings.PROCESS, settings.ENCRYPTION_KEYS, settings.SEGURA_URL = process, "", ""
    keyring.get_keyring.cache_clear()
    try:
        found = [finding.found for finding in doctor.run_checks(ask_segura=False)]
    finally:
        keyring.get_keyring.cache_clear()
    assert not any("PORTAL_ENCRYPTION_KEYS" in one or "SEGURA_" in one for one in found)
    assert any("migrations" in one for one in found) is (process != "scheduler")


def test_processes_and_people_that_are_missing_are_found(settings: Settings) -> None:
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.flushdb()
    found = wrong(workers.check_workers())
    assert {"no worker takes up deliveries", "no worker seals the log", "no sweep came by lately"} <= set(found)
    assert any("No change can be approved" in one for one in found)
    heartbeats.record_heartbeat("celery@one", ["celery", "sealing"])
    heartbeats.record_sweep()
    assert not any("worker" in one or "sweep" in one for one in wrong(workers.check_workers()))


def test_assumption_about_the_gateway_is_told_until_somebody_states_it(
    segura: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEGURA_DEADLINE_S = settings.SEGURA_GATEWAY_TIMEOUT_S + 5
    assert any(
        "SEGURA_GATEWAY_TIMEOUT_S is 60 s by assumption" in one
        for one in wrong(connection_to_segura.check_segura(), Severity.ADVICE)
    )
    monkeypatch.setenv("SEGURA_GATEWAY_TIMEOUT_S", "60")
    assert not any("GATEWAY_TIMEOUT_S is" in one for one in wrong(connection_to_segura.check_segura(), Severity.ADVICE))
    settings.SEGURA_DEADLINE_S = settings.SEGURA_GATEWAY_TIMEOUT_S
    assert any("is not longer than" in one for one in wrong(connection_to_segura.check_segura()))
    settings.SEGURA_CLIENT_ID = ""
    assert any("SEGURA_CLIENT_ID not set" in one for one in wrong(connection_to_segura.check_segura()))


def test_segura_is_asked_step_by_step_and_its_refusal_comes_with_advice(segura: Sandbox, settings: Settings) -> None:
    asked = connection_to_segura.check_segura_live
    assert [finding.level for finding in asked()] == [Severity.OK] * 3
    settings.SEGURA_CLIENT_SECRET = "not-the-right-one"
    found = list(asked())
    assert [finding.level for finding in found] == [Severity.PROBLEM, Severity.ADVICE, Severity.ADVICE]
    assert "SEGURA_CLIENT_SECRET" in found[0].todo
    assert "not-the-right-one" not in str(found)


# --- The command --------------------------------------------------------------------------------------


def test_command_says_each_finding_and_ends_with_one_where_there_is_a_problem(segura: Sandbox) -> None:
    said, machine = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=said)
    assert ended.value.code == 1
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=machine)
    told = json.loads(machine.getvalue())
    assert told["problems"] == said.getvalue().count("\nPROBLEM") > 0
    assert all(finding["found"] in said.getvalue() for finding in told["findings"] if "clock" not in finding["area"])
    assert segura.client_secret not in said.getvalue() + machine.getvalue()


def test_command_goes_on_where_the_database_is_away_and_repeats_no_password() -> None:
    away = f"postgresql://somebody:hunter2@127.0.0.1:{free_port()}/nothing"
    ended = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": away},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1, ended.stderr
    findings = json.loads(ended.stdout)["findings"]
    (told,) = [finding for finding in findings if finding["area"] == "database"]
    assert told["level"] == "problem"
    assert any(finding["area"] == "broker" for finding in findings)
    assert "hunter2" not in ended.stdout + ended.stderr
