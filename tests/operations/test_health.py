"""What load balancers and supervisors are told, and what strangers are not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from portal.accounts.models import User
from portal.catalog.models import CatalogSync
from portal.changes.delivery import circuit_breaker
from portal.devserver.redis_server import free_port
from portal.operations import health, heartbeats, probes
from tests.audit.tampering import insert
from tests.rig.web import web

pytestmark = pytest.mark.django_db
TOKEN = "the token of these tests"


@pytest.fixture(autouse=True)
def fresh(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything well, and nothing remembered of the test before."""
    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr(probes, "_FRESH_S", 0.0)
    monkeypatch.setattr(health, "_migrated", False)
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.flushdb()
    heartbeats.record_heartbeat("celery@one", ["celery"])
    heartbeats.record_sweep()
    now = timezone.now()
    CatalogSync.objects.create(asked_at=now, started_at=now, finished_at=now, ok=True)


def told(**headers: str) -> tuple[int, str, dict[str, Any]]:
    response = Client(headers=headers).get("/health/ready")
    said = response.json()
    return response.status_code, said["status"], said["checks"]


def reasons() -> dict[str, str]:
    """By name what is not well, as who has the token is told it; a process that can serve."""
    status, _, checks = told(Authorization=f"Bearer {TOKEN}")
    assert status == 200
    return {name: check["reason"] for name, check in checks.items() if check["status"] == "not ok"}


@pytest.mark.django_db(transaction=True)
def test_where_all_is_well_every_name_says_so_and_nothing_more() -> None:
    status, word, checks = told()
    assert (status, word) == (200, "ok")
    assert set(checks) == {"database", "migrations", "broker", "worker", "beat", "delivery", "log", "segura"}
    assert set(checks.values()) == {"ok"}


def test_broker_that_is_away_is_told_and_takes_no_process_out(settings: Settings) -> None:
    settings.REDIS_URL = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
    status, word, checks = told()
    assert (status, word, checks["broker"], checks["database"]) == (200, "degraded", "not ok", "ok")
    assert reasons() == {"broker": "does not answer; what is approved waits"}
    assert "hunter2" not in str(told(Authorization=f"Bearer {TOKEN}"))


def test_reasons_are_for_who_has_the_token(settings: Settings) -> None:
    circuit_breaker.record_failure(timezone.now(), reason="access key not taken", code=401, alarm=True)
    assert told()[2]["delivery"] == told(Authorization="Bearer guess")[2]["delivery"] == "not ok"
    assert reasons() == {"delivery": "paused: calls do not get through (HTTP 401)"}
    settings.METRICS_TOKEN = ""
    assert told(Authorization="Bearer ")[2]["delivery"] == "not ok"


@pytest.mark.django_db(transaction=True)
def test_pause_by_a_person_is_told_from_one_of_the_machine(admin: User) -> None:
    circuit_breaker.set_manual_pause(timezone.now(), by=admin, reason="their words stay here")
    assert reasons() == {"delivery": "paused by a person"}


def test_silent_worker_and_late_sweep_are_named(settings: Settings) -> None:
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.flushdb()
    assert set(reasons()) == {"worker", "beat"}


@pytest.mark.django_db(transaction=True)
def test_log_that_is_not_sealed_and_a_list_that_cannot_be_read_are_named(settings: Settings) -> None:
    settings.SEAL_EVERY_S = 1e-6
    past = timezone.now() - timedelta(minutes=5)
    insert(at=past, action="catalog.synced", text="{}")
    CatalogSync.objects.update(ok=False, kind="unauthorised")
    found = reasons()
    assert found["log"] == f"events since {past:%Y-%m-%dT%H:%M:%SZ} wait to be sealed"
    assert found["segura"] == "the last reading failed: unauthorised"


def test_process_whose_tables_are_not_there_yet_is_not_sent_anybody() -> None:
    newest = MigrationRecorder(connection).migration_qs.filter(app="notifications").latest("pk")
    newest.delete()
    try:
        status, word, checks = told()
    finally:
        newest.save(force_insert=True)
    assert (status, word, checks["migrations"]) == (503, "unready", "not ok")
    assert told()[0] == 200


def test_database_that_is_away_makes_it_unready_and_leaves_it_alive(tmp_path: Path) -> None:
    away = f"postgresql://somebody:hunter2@127.0.0.1:{free_port()}/nothing"
    with web(tmp_path / "web.log", threads=4, DATABASE_URL=away) as port:
        alive, ready = ask(port, "/health/live"), ask(port, "/health/ready")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "not ok")
    assert "hunter2" not in ready.text


def ask(port: int, path: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{port}{path}", timeout=20)


def test_probe_needs_no_host_name_no_tls_and_no_session(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = Client(headers={"Host": "10.0.0.7"}).get("/health/live")
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    assert Client().post("/health/live").status_code == 405
