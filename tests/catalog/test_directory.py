"""Names of users and groups: mirrored from Segura's directory, offered where people share, warned of where unknown."""

from __future__ import annotations

import gzip
import html
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from portal.accounts.models import User
from portal.catalog import connection_check, directory, tasks
from portal.catalog.models import DirectoryName, DirectorySync
from portal.operations.doctor import segura as doctor
from portal.operations.doctor.finding import Severity
from portal.sandbox import Sandbox
from tests.changes.pages import text_of
from tests.changes.paper import press
from tests.people import mirrored
from tests.rig.markers import Marker, search
from tests.rig.queries import growing
from tests.segura import events

pytestmark = pytest.mark.django_db

AsPerson = Callable[[User], Client]
URL = "/secrets/43/propose/"
UNCHECKED = "Names are not checked here"


@pytest.fixture
def desk(scim: Sandbox, requester: User, as_person: AsPerson) -> Client:
    """A requester's browser, a secret, and the directory as Segura has it."""
    mirrored()
    directory.sync_directory()
    return as_person(requester)


def names(kind: str) -> set[str]:
    return set(DirectoryName.objects.filter(kind=kind, active=True).values_list("name", flat=True))


def crowd(count: int) -> None:
    DirectoryName.objects.bulk_create(
        DirectoryName(
            kind="user", name=f"u{n}", display_name=f"Person No. {n}", folded=f"u{n} person no. {n}", active=True
        )
        for n in range(count)
    )


def test_full_names_are_found_for_share_fields_and_none_without_a_directory(desk: Client, settings: Settings) -> None:
    DirectoryName.objects.filter(name="pduarte").update(display_name="Paula Duarte")
    DirectoryName.objects.filter(name="alices").update(display_name="alices")
    lists = {"users_allowed": {"pduarte", "alices", "unknown"}, "groups_allowed": set[str](), "url": {"x"}}
    assert directory.find_full_names(lists) == {"users_allowed": {"pduarte": "Paula Duarte"}}
    settings.SEGURA_SCIM_CLIENT_ID = ""
    assert directory.find_full_names(lists) == {}


# --- The mirror ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_directory_is_mirrored_and_put_on_record_without_a_name(scim: Sandbox) -> None:
    done = directory.sync_directory()
    assert done is not None
    assert (done.ok, done.users, done.groups) == (True, 10, 7)
    assert names("user") >= {"alices", "pduarte"}
    assert names("group") >= {"Site Reliability"}
    assert not DirectoryName.objects.get(name="dpereira").active
    (event,) = events("directory.synced")
    assert (event["data"]["ok"], event["data"]["users"]) == (True, 10)
    assert "alices" not in str(event)
    read = [entry["data"]["path"] for entry in events("vault.responded")]
    assert read == ["/iso/oauth2/token", "/iso/scim/v2/Users", "/iso/scim/v2/Groups"]


def test_who_leaves_is_forgotten_and_who_stays_is_not_written_again(scim: Sandbox) -> None:
    directory.sync_directory()
    kept = DirectoryName.objects.get(name="alices").pk
    DirectoryName.objects.create(kind="user", name="gone", folded="gone", active=True)
    DirectoryName.objects.filter(name="pduarte").update(active=False, display_name="Other")
    directory.sync_directory(at_once=True)
    assert not DirectoryName.objects.filter(name="gone").exists()
    assert DirectoryName.objects.get(name="pduarte").active
    assert DirectoryName.objects.get(name="alices").pk == kept
    with CaptureQueriesContext(connection) as asked:
        directory.sync_directory(at_once=True)
    written = [query["sql"] for query in asked if "catalog_directoryname" in query["sql"]]
    assert [sql for sql in written if not sql.startswith("SELECT")] == []


def test_it_is_read_once_an_hour_at_once_when_asked_and_again_soon_after_a_failure(
    scim: Sandbox, settings: Settings
) -> None:
    scim.control.plan("502", endpoint="scim_groups")
    failed = directory.sync_directory()
    assert failed is not None
    assert (failed.ok, failed.code, DirectoryName.objects.count()) == (False, 502, 0)
    assert directory.sync_directory() is not None
    assert directory.sync_directory() is None
    assert directory.sync_directory(at_once=True) is not None
    DirectorySync.objects.update(started_at=timezone.now() - timedelta(seconds=3601))
    assert directory.sync_directory() is not None


def test_schedule_of_the_list_brings_the_directory_too(scim: Sandbox) -> None:
    tasks.run_sync()
    assert "alices" in names("user")


@pytest.mark.django_db(transaction=True)
def test_without_a_scim_client_nothing_is_asked(segura: Sandbox) -> None:
    assert directory.sync_directory(at_once=True) is None
    assert events("vault.responded") == []


def test_client_that_segura_does_not_know_is_told_of_by_its_own_settings(scim: Sandbox, settings: Settings) -> None:
    settings.SEGURA_SCIM_CLIENT_SECRET = "canary-wrong-secret"
    done = directory.sync_directory()
    assert done is not None
    assert (done.kind, done.code) == ("scim_client", 401)
    assert "SEGURA_SCIM_CLIENT_SECRET" in done.sentence
    assert "canary" not in done.sentence + str(events("directory.synced"))


def test_names_that_a_page_could_not_show_are_left_out(scim: Sandbox) -> None:
    rows = '{"userName": "a\\u0000b"}, {"userName": " ana"}, {"userName": "%s"}, {"userName": "bea"}' % ("x" * 300)
    body = '{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 4, "Resources": [%s]}'
    scim.control.plan(endpoint="scim_users", status=200, body=body % rows)
    directory.sync_directory()
    assert names("user") == {"bea"}


# --- The page -----------------------------------------------------------------------------------------


def test_form_offers_active_users_and_groups_by_name_with_what_they_are_called(desk: Client) -> None:
    page = desk.get(URL).content.decode()
    users, groups = (page.split(f'id="known-{field}')[1].split("</datalist>")[0] for field in directory._FIELDS)
    assert '<option value="alices">Alice Souza</option>' in users
    assert "dpereira" not in users
    assert 'value="Site Reliability"' in groups
    assert "alices" not in groups
    assert UNCHECKED not in page
    assert "hx-get" not in page.split('id="users_allowed-edit"')[1].split("</main>")[0]


def test_form_without_a_directory_says_that_names_are_not_checked(
    segura: Sandbox, requester: User, as_person: AsPerson
) -> None:
    mirrored()
    page = as_person(requester).get(URL).content.decode()
    assert page.count(UNCHECKED) == 2
    assert "data-strangers" not in page


@pytest.mark.parametrize(
    ("typed", "warned"), [("rcosta", False), ("rcsota", True), ("dpereira", True), ("RCosta", True)]
)
def test_preview_warns_of_a_name_that_the_directory_lacks_and_of_no_other(
    desk: Client, typed: str, warned: bool
) -> None:
    page = press(desk, URL, desk.get(URL), "preview", reason="x", **{"users_allowed-1-name": typed})
    told = f"Not among the active users of Segura's directory: {typed} " in text_of(page)
    assert ("Submit for approval" in text_of(page), told) == (True, warned)


def test_form_that_comes_back_keeps_the_name_and_warns_too(desk: Client) -> None:
    page = press(desk, URL, desk.get(URL), "preview", reason="", **{"groups_allowed-1-name": "My <own> group"})
    assert page.status_code == 422
    assert "Not among the groups of Segura's directory: My <own> group " in html.unescape(text_of(page))
    users = page.content.decode().split('id="users_allowed-edit"')[1].split("<datalist")[0]
    assert "hidden" in users.split("data-strangers")[1].split(">")[0]


def test_preview_says_nothing_of_names_where_there_is_no_directory(
    segura: Sandbox, requester: User, as_person: AsPerson
) -> None:
    mirrored()
    browser = as_person(requester)
    page = press(browser, URL, browser.get(URL), "preview", reason="x", **{"users_allowed-1-name": "nobody-at-all"})
    assert "Submit for approval" in text_of(page)
    assert "directory" not in text_of(page)


def test_large_directory_is_searched_as_one_types_and_not_sent_along(desk: Client) -> None:
    crowd(5000)
    with CaptureQueriesContext(connection) as asked:
        page = desk.get(URL)
    assert sum(query["sql"].startswith("SELECT") for query in asked) <= 13
    assert growing(asked) == []
    assert len(gzip.compress(page.content)) < 30_000
    text = page.content.decode()
    assert 'value="u77"' not in text
    assert 'hx-get="/secrets/names/"' in text
    found = desk.get("/secrets/names/", {"users_allowed-3-name": "No. 4999"}).content.decode()
    assert found.strip() == '<option value="u4999">Person No. 4999</option>'
    assert desk.get("/secrets/names/", {"users_allowed-3-name": "person"}).content.decode().count("<option") == 20


@pytest.mark.parametrize(
    "asked", [{}, {"users_allowed-0-name": " "}, {"name": "alices"}, {"groups_allowed-0-name": "alices"}]
)
def test_search_that_asks_for_nothing_of_a_list_finds_nothing(desk: Client, asked: dict[str, str]) -> None:
    assert desk.get("/secrets/names/", asked).content.strip() == b""


# --- The connection -----------------------------------------------------------------------------------


def test_test_of_the_connection_takes_the_directory_in(scim: Sandbox, as_person: AsPerson, admin: User) -> None:
    browser = as_person(admin)
    directory.sync_directory()
    page = text_of(browser.post("/operations/connection/test/", follow=True))
    made = connection_check.latest_connection_test()
    assert made is not None
    assert [(step.name, step.ok) for step in made.steps][-1] == ("directory", True)
    assert "11 users listed" in page
    assert "active users 10, groups 7" in page
    assert [finding.level for finding in doctor.check_segura_live()] == [Severity.OK] * 4


def test_directory_that_cannot_be_read_says_what_to_do(scim: Sandbox, as_person: AsPerson, admin: User) -> None:
    scim.control.plan("401", endpoint="scim_users", times=None)
    directory.sync_directory()
    page = text_of(as_person(admin).post("/operations/connection/test/", follow=True))
    assert page.count("should check SEGURA_SCIM_CLIENT_ID") == 2
    assert [finding.level for finding in doctor.check_segura_live()] == [Severity.OK] * 3 + [Severity.PROBLEM]


def test_secret_of_the_scim_client_and_its_token_are_nowhere(
    scim: Sandbox, settings: Settings, as_person: AsPerson, admin: User, requester: User, caplog: Any
) -> None:
    settings.SEGURA_SCIM_CLIENT_SECRET = own = Marker.new("the SCIM client's secret")
    scim.grants.expect(own, client_id=scim.scim_client_id)
    caplog.set_level("DEBUG")
    try:
        mirrored()
        assert directory.sync_directory().ok  # type: ignore[union-attr]
        scim.control.plan(endpoint="scim_users", status=401, body=json.dumps({"schemas": [], "detail": f"No {own}"}))
        scim.control.plan(endpoint="token", status=401, body=json.dumps({"message": f"No {own}"}))
        directory.sync_directory(at_once=True)
        operator = as_person(admin)
        pages = [operator.post("/operations/connection/test/", follow=True), as_person(requester).get(URL)]
    finally:
        scim.grants.expect(scim.scim_client_secret, client_id=scim.scim_client_id)
    tokens = [Marker.known("a token", token) for token in scim.grants._ends]
    assert len(tokens) >= 2
    with Redis.from_url(settings.REDIS_URL) as redis:
        kept = [(str(key), redis.dump(key) or b"") for key in redis.scan_iter()]
    log = [(entry["action"], str(entry).encode()) for action in ("vault.responded", "directory.synced", "vault.tested")
           for entry in events(action)]  # fmt: skip
    rows = [("rows", str(list(DirectorySync.objects.values())).encode()), ("lines", caplog.text.encode())]
    assert (
        search([*log, *rows, *kept, *((page.request["PATH_INFO"], page.content) for page in pages)], [own, *tokens])
        == []
    )
