"""Finding a secret: by name and identifier, and by what its details held when somebody last read them here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.catalog import search_terms
from portal.catalog.models import ApiSecret, SearchTerm
from portal.sandbox import Sandbox
from tests.changes.pages import text_of
from tests.people import GCP, mirrored
from tests.rig.queries import growing

pytestmark = pytest.mark.django_db

AsPerson = Callable[[User], Client]


@pytest.fixture
def read(segura: Sandbox, requester: User, as_person: AsPerson) -> Client:
    """A browser whose person has opened secret 43; 26 was never opened."""
    segura.control.edit(
        43, url="https://api.gcp.example/v1", tags="Cloud, Finânças", users_allowed={"pduarte": True, "alices": False}
    )
    mirrored()
    mirrored(26, "never-opened")
    browser = as_person(requester)
    browser.get("/secrets/43/")
    return browser


def found(browser: Client, text: str) -> set[int]:
    page = browser.get("/secrets/", {"q": text})
    return {secret.pk for secret in page.context["page"].rows}


@pytest.mark.parametrize(
    "text", ["gcp", "43", "cloud", "financas", "FINANÇ", "https://api.gcp", "api.gcp.example/v1", "gcp.example",
             "pduarte", "ALICE", "Test group"],
)  # fmt: skip
def test_secret_is_found_by(read: Client, text: str) -> None:
    assert 43 in found(read, text)


@pytest.mark.parametrize("text", ["duarte", "hyga125", "Access details", "%", "_", "\\"])
def test_secret_is_not_found_by_the_middle_of_a_word_nor_by_what_is_no_keyword(read: Client, text: str) -> None:
    assert found(read, text) == set()


def test_words_are_those_of_the_last_reading(read: Client, segura: Sandbox) -> None:
    segura.control.edit(43, tags="on-premises", users_allowed={"newcomer": False})
    assert 43 in found(read, "cloud")
    read.get("/secrets/43/propose/")
    assert found(read, "cloud") == found(read, "pduarte") == set()
    assert found(read, "newcomer") == found(read, "on-prem") == {43}
    assert "tags, URLs, people and groups, as last read" in text_of(read.get("/secrets/"))


def test_reading_that_finds_nothing_new_writes_one_instant(read: Client) -> None:
    before = list(SearchTerm.objects.order_by("pk").values())
    at = ApiSecret.objects.get(pk=43).read_at
    with CaptureQueriesContext(connection) as queries:
        search_terms.save_search_terms(43, {**GCP, "url": "x", "tags": ""})
        search_terms.save_search_terms(43, {**GCP, "url": "x", "tags": ""})
    assert sum("INSERT" in query["sql"] for query in queries) == 1
    read.get("/secrets/43/")
    assert [row["folded"] for row in SearchTerm.objects.order_by("pk").values()] == [row["folded"] for row in before]
    assert ApiSecret.objects.get(pk=43).read_at > at  # type: ignore[operator]


def test_secret_unknown_to_the_mirror_leaves_no_words(db: None) -> None:
    search_terms.save_search_terms(99, GCP)
    assert not SearchTerm.objects.exists()


@pytest.mark.parametrize("url", ["", "http://[", "no address", "https://" + "x" * 400, "//"])
def test_any_url_can_be_remembered(db: None, url: str) -> None:
    mirrored()
    search_terms.save_search_terms(43, {**GCP, "url": url})
    assert all(len(word.folded) <= SearchTerm.LONGEST for word in SearchTerm.objects.all())


def test_form_offers_the_names_that_readings_have_met(read: Client) -> None:
    page = read.get("/secrets/26/propose/").content.decode()
    users = page.split('<datalist id="known-users_allowed"')[1].split("</datalist>")[0]
    assert 'value="alices"' in users
    assert "Test group" not in users
    assert 'list="known-users_allowed"' in page


def test_search_neither_counts_nor_skips_rows(read: Client, django_assert_max_num_queries: Any) -> None:
    with CaptureQueriesContext(connection) as queries:
        read.get("/secrets/", {"q": "cloud"})
    assert growing(queries) == []
    with django_assert_max_num_queries(12):
        read.get("/secrets/", {"q": "cloud"})
