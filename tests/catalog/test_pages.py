"""The list of secrets as people see it: found, filtered, paged; and what is said when Segura cannot be read."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from redis import Redis

from portal.accounts.models import User
from portal.catalog import sync, tasks
from portal.catalog.models import ApiSecret, CatalogSync, SearchTerm
from portal.celery import app
from portal.devserver.redis_server import free_port
from portal.sandbox import Sandbox
from tests.people import mirrored, person
from tests.segura import events, forget_tokens

pytestmark = pytest.mark.django_db

Browser = Callable[[User], Client]


@pytest.fixture
def browser(requester: User, as_person: Browser) -> Client:
    return as_person(requester)


@pytest.fixture
def some(db: None) -> None:
    mirrored(43, "GCP")
    mirrored(55, "partner-feed", can_write=False)
    mirrored(51, "treasury-api", need_approval=True, need_justify=True)
    mirrored(47, "legacy-ftp", vanished_at=timezone.now())


@pytest.fixture(params=["down", "frozen"])
def queue_lost(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No Redis where the broker should be: nobody listens, or somebody who never answers."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1] if request.param == "frozen" else free_port()
        monkeypatch.setenv("CELERY_BROKER_URL", f"redis://127.0.0.1:{port}/0")
        monkeypatch.setattr(app, "_pool", None)
        monkeypatch.setattr(app.amqp, "_producer_pool", None)
        yield


def page(browser: Client, address: str = "/secrets/") -> str:
    response = browser.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def names(text: str) -> list[str]:
    """The secrets in the table, in its order."""
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r'<td class="lead">(.*?)</td>', text)]


def test_list_is_for_those_who_propose_decide_or_operate(
    client: Client, as_person: Browser, requester: User, approver: User, admin: User, auditor: User
) -> None:
    assert client.get("/secrets/").status_code == 302
    for user in (requester, approver, admin):
        assert as_person(user).get("/secrets/").status_code == 200
    for user in (person("nobody"), auditor):
        for address in ("/secrets/", "/secrets/sync/"):
            assert as_person(user).get(address).status_code == 403


@pytest.mark.usefixtures("some")
def test_list_shows_what_segura_lists_by_name(browser: Client) -> None:
    text = page(browser)
    assert names(text) == ["GCP", "partner-feed", "treasury-api"]
    assert 'href="/secrets/43/"' in text


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("show=proposable", ["GCP", "treasury-api"]),
        ("show=read-only", ["partner-feed"]),
        ("show=approval", ["treasury-api"]),
        ("show=unread", ["GCP", "partner-feed", "treasury-api"]),
        ("show=vanished", ["legacy-ftp"]),
        ("q=FEED", ["partner-feed"]),
        ("q=51", ["treasury-api"]),
        ("q=feed&show=proposable", []),
        ("q=ftp", []),
        ("q=ftp&show=vanished", ["legacy-ftp"]),
        ("q=%25", []),
        ("q=99999999999999999999999", []),
    ],
)
def test_list_is_searched_and_filtered(browser: Client, query: str, expected: list[str]) -> None:
    text = page(browser, f"/secrets/?{query}")
    assert names(text) == expected
    assert ("No secret matches" in text) == (not expected)


def test_names_are_found_and_sorted_without_case_and_accents(browser: Client) -> None:
    for number, name in enumerate(["Zebra", "azure", "Integração Câmbio", "Ärger", "straße"], start=1):
        mirrored(number, name)
    assert names(page(browser)) == ["Ärger", "azure", "Integração Câmbio", "straße", "Zebra"]
    for query in ("cambio", "CÂMBIO", "integraçao"):
        assert names(page(browser, f"/secrets/?q={query}")) == ["Integração Câmbio"]
    assert names(page(browser, "/secrets/?q=STRASSE")) == ["straße"]


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize("query", ["show=everything", "q=%00", "q=" + "x" * 201])
def test_question_that_makes_no_sense_is_said_to(browser: Client, query: str) -> None:
    text = page(browser, f"/secrets/?{query}")
    assert names(text) == []
    assert 'class="errorlist"' in text


@pytest.mark.usefixtures("some")
def test_damaged_cursor_is_refused(browser: Client) -> None:
    assert browser.get("/secrets/?at=nonsense").status_code == 400


def test_list_is_paged_in_both_directions_and_keeps_the_filter(browser: Client) -> None:
    for number in range(1, 61):
        mirrored(number, f"service-{number:03}", can_write=number != 30)
    address, walked = "/secrets/?show=proposable&q=service", []
    while address:
        text = page(browser, address)
        walked.append(names(text))
        following = re.search(r'href="(\?[^"]*)"\s+rel="next"', text)
        address = "/secrets/" + following.group(1).replace("&amp;", "&") if following else ""
    assert [len(rows) for rows in walked] == [25, 25, 9]
    assert [name for rows in walked for name in rows] == [f"service-{n:03}" for n in range(1, 61) if n != 30]
    back = re.search(r'href="(\?[^"]*)" rel="prev"', text)
    assert back is not None
    assert names(page(browser, "/secrets/" + back.group(1).replace("&amp;", "&"))) == walked[1]


def test_page_costs_the_same_queries_however_many_secrets(
    browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(1, 40):
        mirrored(number, f"service-{number:03}")
    with django_assert_max_num_queries(12):
        page(browser)


@pytest.mark.usefixtures("some")
def test_secret_that_cannot_be_changed_says_why_and_who_could_help(browser: Client) -> None:
    assert "its owner can share it with the right to edit" in page(browser, "/secrets/?show=read-only")
    assert "Segura no longer lists this secret" in page(browser, "/secrets/?show=vanished")


def test_names_are_shown_as_text(browser: Client) -> None:
    mirrored(1, "<script>alert(1)</script>")
    text = page(browser, "/secrets/?q=<script>")
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text


def test_empty_mirror_says_what_to_do(browser: Client) -> None:
    text = page(browser)
    assert "No secret is known yet" in text
    assert "No list has come from Segura yet" in text


def test_last_good_list_is_dated(browser: Client, segura: Sandbox) -> None:
    sync.sync_catalog(by="admin")
    text = page(browser)
    assert re.search(
        r'Segura listed 23 secrets <time class="ago" datetime="[^"]+" title="[^"]+ UTC">just now</time>\.', text
    )
    assert "Asked for by admin." in text


def test_sync_reports_what_it_changed_and_no_zeros_s4(browser: Client, segura: Sandbox) -> None:
    sync.sync_catalog(by="admin")
    ApiSecret.objects.filter(pk=43).update(name="Another name", folded="another name")
    sync.sync_catalog(by="admin")
    assert "just now</time>. 1 updated. Asked for by admin." in page(browser)
    sync.sync_catalog(by="admin")
    text = page(browser)
    assert "just now</time>. No differences. Asked for by admin." in text
    assert "0 updated" not in text


def test_list_shows_host_and_tags_as_last_read_and_only_exceptions(browser: Client, some: None) -> None:
    secret = ApiSecret.objects.get(pk=43)
    for kind, shown in (("url", "https://gcp.example/v1"), ("url", "gcp.example/v1"), ("tag", "Cloud")):
        SearchTerm.objects.create(secret=secret, kind=kind, folded=shown.lower(), shown=shown)
    text = page(browser)
    row = text.partition('href="/secrets/43/"')[2].partition("</tr>")[0]
    assert re.findall(r'<span class="cut">(.*?)</span>', row) == ["gcp.example", "Cloud"]
    assert 'class="tag"' not in row
    assert "Open to proposals" not in text.partition("<tbody>")[2]
    assert "Approval needed in Segura" in text


@pytest.mark.usefixtures("some")
def test_failure_is_told_beside_the_list_of_the_last_success(browser: Client, segura: Sandbox) -> None:
    sync.sync_catalog()
    segura.control.plan("html_502", endpoint="list")
    sync.sync_catalog()
    text = page(browser)
    assert "did not succeed" in text
    assert "The gateway in front of Segura answered HTTP 502" in text
    assert "Segura listed 23 secrets" in text
    assert "stripe-webhook" in text


def test_schedule_that_has_stopped_is_told(browser: Client, segura: Sandbox, settings: Settings) -> None:
    sync.sync_catalog()
    assert "has stopped" not in page(browser)
    late = timezone.now() - timedelta(seconds=3 * settings.CATALOG_SYNC_EVERY_S + settings.SEGURA_DEADLINE_S + 1)
    CatalogSync.objects.update(asked_at=late)
    assert "The scheduled synchronisation has stopped." in page(browser)


def test_button_publishes_one_task_and_the_page_shows_it(browser: Client, segura: Sandbox, settings: Settings) -> None:
    browser.post("/secrets/synchronise/")
    response = browser.post("/secrets/synchronise/", follow=True)
    assert response.redirect_chain == [("/secrets/", 302)]
    assert "A synchronisation is waiting for a worker." in response.content.decode()
    with Redis.from_url(settings.REDIS_URL) as redis:
        assert redis.llen("celery") == 1
    forget_tokens(settings.REDIS_URL)
    tasks.run_sync(asked=CatalogSync.objects.get().pk)
    text = page(browser)
    assert "stripe-webhook" in text
    assert "waiting for a worker" not in text
    assert events("catalog.synced")[0]["actor"] == "requester"


@pytest.mark.usefixtures("queue_lost")
def test_button_says_so_when_the_queue_is_lost(browser: Client) -> None:
    response = browser.post("/secrets/synchronise/", follow=True)
    text = response.content.decode()
    assert "the queue cannot be reached" in text
    assert "waiting for a worker" not in text
    assert events("catalog.synced")[0]["data"]["kind"] == "queue"


def test_button_is_for_requesters_and_administrators(
    as_person: Browser, approver: User, auditor: User, admin: User
) -> None:
    assert "Sync now" in page(as_person(admin))
    assert "Sync now" not in page(as_person(approver))
    for user in (approver, auditor):
        assert as_person(user).post("/secrets/synchronise/").status_code == 403
    assert not CatalogSync.objects.exists()


def test_reading_never_synchronises(browser: Client) -> None:
    assert browser.get("/secrets/synchronise/").status_code == 405
    assert not CatalogSync.objects.exists()


def test_watching_page_hears_only_of_what_is_new(browser: Client) -> None:
    asked = sync.create_sync(by="requester")
    assert asked is not None
    assert browser.get("/secrets/sync/?phase=waiting").status_code == 204
    CatalogSync.objects.update(started_at=timezone.now())
    running = browser.get("/secrets/sync/?phase=waiting")
    assert "is being read from Segura" in running.content.decode()
    assert "HX-Trigger-After-Swap" not in running.headers
    CatalogSync.objects.update(finished_at=timezone.now(), ok=True)
    ended = browser.get("/secrets/sync/?phase=running")
    assert "hx-trigger" not in ended.content.decode()
    assert ended.headers["HX-Trigger-After-Swap"] == "catalog-synced"


def test_obstacle_is_empty_exactly_where_a_change_may_be_proposed() -> None:
    for columns in ({}, {"can_write": False}, {"vanished_at": timezone.now()}):
        mirrored(1, "one", **columns)
        secret = ApiSecret.objects.get()
        assert (secret.blocked_reason == "") == ApiSecret.objects.proposable().exists()
