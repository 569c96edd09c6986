"""What Prometheus is given: figures that are true of rows, log and broker, whichever process is asked."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings
from redis import Redis

from portal.accounts.models import User
from portal.audit import ledger
from portal.audit.models import Event
from portal.audit.sealing import sealer
from portal.changes.delivery import circuit_breaker
from portal.changes.delivery.tasks import deliver_change
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import submission
from portal.common import discarded_messages
from portal.devserver.redis_server import free_port
from portal.operations import event_counters, heartbeats
from portal.operations.models import EventCounter
from tests.audit.tampering import beside_the_clock, insert
from tests.changing import work
from tests.rig.visitor import wait_until
from tests.rig.web import web
from tests.segura import forget_tokens

pytestmark = pytest.mark.django_db
TOKEN = "the token of these tests"
SEED = "bWFkZSB1cCBmb3IgdGVzdHM6IGEgc2lnbmluZyBrZXk="
Figures = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture(autouse=True)
def fresh(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events count at once: no other transaction is under way."""
    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr(event_counters, "SETTLED", timedelta(0))
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.flushdb()


def parsed(text: str) -> Figures:
    """By name and the values of the labels, in the order of the labels' names."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped() -> Figures:
    response = Client(headers={"Authorization": f"Bearer {TOKEN}"}).get("/metrics")
    assert response.status_code == 200
    return parsed(response.content.decode())


def test_metrics_are_for_who_shows_the_token(settings: Settings) -> None:
    assert Client().get("/metrics").status_code == 401
    assert Client(headers={"Authorization": "Bearer guess"}).get("/metrics").status_code == 401
    settings.METRICS_TOKEN = ""
    assert Client(headers={"Authorization": "Bearer "}).get("/metrics").status_code == 404


def test_delivery_is_counted_once_by_answer_and_by_call(approved: Callable[..., Change], settings: Settings) -> None:
    assert scraped()["countersign_log_uncounted_events", ()] == 0
    change = approved(notes="Rotated in November")
    forget_tokens(settings.REDIS_URL)
    change = work(change)
    assert change.status == Status.APPLIED
    for _ in range(2):
        figures = scraped()
        assert figures["countersign_attempts_total", (str(change.last_http_status), "applied")] == 1
        assert figures["countersign_vault_exchanges_total", ("update", str(change.last_http_status))] == 1
        assert figures["countersign_vault_exchanges_total", ("token", "200")] == 1
        assert figures["countersign_vault_exchange_seconds_count", ("update",)] == 1
        assert figures["countersign_vault_exchange_seconds_bucket", ("update", "+Inf")] == 1
        assert 0 < figures["countersign_vault_exchange_seconds_sum", ("update",)] < 60
        assert figures["countersign_events_total", ("change.applied",)] == 1


def test_log_that_is_older_than_the_first_scrape_is_not_counted_as_if_it_happened_now() -> None:
    ledger.record_event("catalog.synced")
    assert ("countersign_events_total", ("catalog.synced",)) not in scraped()
    ledger.record_event("catalog.synced")
    assert scraped()["countersign_events_total", ("catalog.synced",)] == 1


def test_event_that_might_not_be_the_first_of_its_time_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    scraped()
    monkeypatch.setattr(event_counters, "SETTLED", timedelta(seconds=10))
    now = timezone.now()
    insert(at=now - timedelta(minutes=1), action="audit.read", text="{}")
    insert(at=now, action="audit.read", text="{}")
    insert(at=now - timedelta(minutes=1), action="audit.read", text="{}")
    figures = scraped()
    assert figures["countersign_events_total", ("audit.read",)] == 1
    assert figures["countersign_log_uncounted_events", ()] == 2


@pytest.mark.parametrize("at", ["infinity", "4709-02-29 12:00:00+00 BC", "2400-01-01 00:00:00+00"])
def test_forged_instant_stops_no_counter(at: str) -> None:
    scraped()
    with beside_the_clock(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO audit_event (at, action, actor, text) VALUES (%s, 'audit.read', '', '{}')", [at])
    ledger.record_event("audit.read")
    figures = scraped()
    assert figures["countersign_events_total", ("audit.read",)] == 2
    assert figures["countersign_log_uncounted_events", ()] == 0


@pytest.mark.django_db(transaction=True)
def test_backlog_is_counted_off_in_several_scrapes_and_by_several_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scraped()
    monkeypatch.setattr(event_counters, "BATCH", 10)
    for _ in range(35):
        ledger.record_event("audit.read")
    assert scraped()["countersign_events_total", ("audit.read",)] == 10

    def scrape() -> None:
        event_counters.count_events()
        connections.close_all()

    threads = [threading.Thread(target=scrape) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while event_counters.count_uncounted():  # of those who count the same at once, one moves the mark
        scrape()
    assert scraped()["countersign_events_total", ("audit.read",)] == 35


def test_counter_does_not_fall_where_another_process_was_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    scraped()
    ledger.record_event("audit.read")
    as_it_is = event_counters._lines

    def overtaken(event: Event) -> Counter[str]:
        """In the middle of this count another one begins, finds one event more, and ends."""
        monkeypatch.setattr(event_counters, "_lines", as_it_is)
        ledger.record_event("audit.read")
        assert event_counters.count_events()["events"]["audit.read",] == 2
        return as_it_is(event)

    monkeypatch.setattr(event_counters, "_lines", overtaken)
    assert event_counters.count_events()["events"]["audit.read",] == 2
    assert EventCounter.objects.get().counts["events|audit.read"] == 2


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_told_by_number_and_age(
    propose: Callable[..., Proposal], requester: User, no_queue: None, settings: Settings
) -> None:
    settings.AUDIT_SIGNING_KEY = SEED
    change = submission.submit_change(propose(notes="New"), by=requester)
    sealer.seal_pending_events()
    calm = scraped()
    assert calm["countersign_changes", ("pending",)] == 1
    assert calm["countersign_log_unsealed_events", ()] == calm["countersign_log_unsealed_lag_seconds", ()] == 0
    assert calm["countersign_log_sealed_events", ()] == Event.objects.count()
    assert calm["countersign_leases", ("held",)] == 0

    now = timezone.now()
    insert(at=now - timedelta(minutes=10), action="catalog.synced", text="{}")
    lost = {"status": Status.SENDING, "lease_until": now - timedelta(seconds=5)}
    Change.objects.filter(pk=change.pk).update(**lost, status_since=now - timedelta(minutes=3))
    figures = scraped()
    assert figures["countersign_log_unsealed_events", ()] == 1
    assert 600 <= figures["countersign_log_unsealed_lag_seconds", ()] < 660
    assert 180 <= figures["countersign_oldest_change_seconds", ("sending",)] < 240
    assert figures["countersign_oldest_change_seconds", ("pending",)] == 0
    assert (figures["countersign_leases", ("held",)], figures["countersign_leases", ("expired",)]) == (0, 1)
    assert figures["countersign_notifications_pending_events", ()] > 0


def test_pause_workers_queues_and_a_broker_that_is_away(settings: Settings, admin: User) -> None:
    heartbeats.record_heartbeat("celery@one", ["celery"])
    heartbeats.record_sweep()
    circuit_breaker.record_failure(timezone.now(), reason="certificate", alarm=True)
    figures = scraped()
    assert figures["countersign_delivery_paused", ("calls",)] == figures["countersign_delivery_failures", ()] == 1
    assert figures["countersign_delivery_paused", ("person",)] == 0
    assert figures["countersign_workers", ("celery",)] == 1
    assert figures["countersign_workers", ("sealing",)] == 0
    assert figures["countersign_queue_messages", ("celery",)] == 0
    assert figures["countersign_swept_timestamp_seconds", ()] == pytest.approx(timezone.now().timestamp(), abs=30)
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    figures = scraped()
    assert (figures["countersign_broker_up", ()], figures["countersign_database_up", ()]) == (0, 1)


@pytest.mark.parametrize("reason", discarded_messages.REASONS)
def test_messages_that_were_thrown_away_are_counted_by_reason(reason: str, settings: Settings) -> None:
    for _ in range(3):
        discarded_messages.count_discarded(reason)
    figures = scraped()
    counted = {each: figures["countersign_messages_discarded_total", (each,)] for each in discarded_messages.REASONS}
    assert counted == dict.fromkeys(discarded_messages.REASONS, 0.0) | {reason: 3.0}
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    discarded_messages.count_discarded(reason)
    assert ("countersign_messages_discarded_total", (reason,)) not in scraped()


def test_task_that_names_no_change_is_counted() -> None:
    for odd in (None, "7", 7.0, 0, -1, 2**63, True, [7]):
        deliver_change(odd)  # type: ignore[arg-type]
    assert scraped()["countersign_messages_discarded_total", ("no_change",)] == 8


def test_what_never_happened_is_long_ago_and_not_left_out() -> None:
    figures = scraped()
    names = ("swept", "log_verified", "catalog_read")
    assert [figures[f"countersign_{name}_timestamp_seconds", ()] for name in names] == [0, 0, 0]


def test_pages_are_counted_by_name_and_never_by_what_a_stranger_typed() -> None:
    name, guess = "countersign_web_requests_total", "/made-up-by-a-stranger/"
    before = scraped()
    Client().get("/accounts/login/")
    Client().get(guess)
    figures = scraped()
    for labels in (("200", "GET", "account_login"), ("404", "GET", "none")):
        assert figures[name, labels] == before.get((name, labels), 0) + 1
    assert guess not in str(figures)


def test_processes_of_one_replica_add_up_what_they_served_and_a_lost_database_is_a_figure(tmp_path: Path) -> None:
    env = {"PORTAL_METRICS_TOKEN": TOKEN, "PORTAL_METRICS_DIR": str(tmp_path / "metrics")}
    away = f"postgresql://somebody:hunter2@127.0.0.1:{free_port()}/nothing"
    with web(tmp_path / "web.log", threads=1, worker_count=2, DATABASE_URL=away, **env) as port:
        url, bearer = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {TOKEN}"}
        asked = 0

        def both_have_served() -> bool:
            """Ask over a new connection, which the kernel hands to either process once both listen."""
            nonlocal asked
            asked += 1
            assert requests.get(f"{url}/nothing-here/", timeout=20).status_code >= 404
            return len([*(tmp_path / "metrics").glob("counter_*.db")]) == 2

        wait_until(both_have_served, "both processes of the replica serve pages")
        assert all(both_have_served() for _ in range(30))
        texts = [requests.get(f"{url}/metrics", headers=bearer, timeout=20).text for _ in range(6)]
    served = {
        sum(value for (name, _), value in parsed(text).items() if name == "countersign_web_requests_total")
        for text in texts
    }
    assert served == {asked}
    assert parsed(texts[0])["countersign_database_up", ()] == 0
    assert "hunter2" not in "".join(texts)
