"""Saved filters: whose they are, what they keep, and that their address is enough for others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from portal.accounts.models import User
from portal.web.models import SavedFilter
from portal.web.saved_filters import MOST

pytestmark = pytest.mark.django_db

Open = Callable[[User], Client]


def save(browser: Client, name: str, query: str, page: str = "audit:events") -> HttpResponse:
    response: HttpResponse = browser.post("/saved-filters/", {"page": page, "name": name, "query": query}, follow=True)
    return response


@pytest.mark.parametrize(
    ("page", "address", "field"), [("audit:events", "/audit/", "secret"), ("changes:all", "/changes/", "q")]
)
def test_what_is_narrowed_can_be_saved_and_opened_again(
    auditor: User, as_person: Open, page: str, address: str, field: str
) -> None:
    browser = as_person(auditor)
    assert "Save this filter" not in browser.get(address).content.decode()
    assert "Save this filter" in browser.get(f"{address}?{field}=43").content.decode()
    response = save(browser, "The one of GCP", f"{field}=43&at=cursor&open=7&code=", page)
    assert response.redirect_chain == [(f"{address}?{field}=43", 302)]
    text = response.content.decode()
    assert "Saved as The one of GCP" in text
    assert f'href="{address}?{field}=43"' in text
    assert "Save this filter" not in text
    assert "The one of GCP" in browser.get(address).content.decode()


def test_filters_are_the_persons_own(auditor: User, admin: User, as_person: Open) -> None:
    save(as_person(auditor), "Mine alone", "secret=43", "changes:all")
    other = as_person(admin)
    assert "Mine alone" not in other.get("/changes/").content.decode()
    kept = SavedFilter.objects.get()
    assert other.post(f"/saved-filters/{kept.pk}/delete/").status_code == 404
    assert SavedFilter.objects.exists()


def test_own_filter_is_deleted_and_its_name_is_free(auditor: User, as_person: Open) -> None:
    browser = as_person(auditor)
    save(browser, "Old", "secret=43")
    response = browser.post(f"/saved-filters/{SavedFilter.objects.get().pk}/delete/", follow=True)
    assert "The filter Old is deleted." in response.content.decode()
    assert not SavedFilter.objects.exists()


def test_the_queue_keeps_how_it_is_narrowed_and_sorted(approver: User, as_person: Open) -> None:
    browser = as_person(approver)
    assert "Save this filter" not in browser.get("/queue/?open=3").content.decode()
    page = browser.get("/queue/?risk=3&sort=risk&open=3")
    assert page.context["saved"].query == "risk=3&sort=risk"
    response = save(browser, "Gravest first", "risk=3&sort=risk", "changes:queue")
    assert response.redirect_chain == [("/queue/?risk=3&sort=risk", 302)]
    assert "Gravest first" in response.content.decode()
    assert "Gravest first" in browser.get("/queue/", headers={"HX-Request": "true"}).content.decode()


def test_a_name_one_has_is_given_the_new_filter(auditor: User, as_person: Open) -> None:
    browser = as_person(auditor)
    save(browser, "Watch", "secret=43")
    save(browser, "Watch", "secret=44")
    assert [row.query for row in SavedFilter.objects.all()] == ["secret=44"]


@pytest.mark.parametrize(
    ("name", "query", "words"),
    [
        ("", "secret=43", "Give the filter a name"),
        ("x" * 61, "secret=43", "Give the filter a name"),
        ("Nothing", "at=cursor&code=", "Choose a filter first"),
        ("Long", "person=" + "x" * 1000, "at most 1000 characters"),
    ],
)
def test_what_cannot_be_saved_is_said(auditor: User, as_person: Open, name: str, query: str, words: str) -> None:
    assert words in save(as_person(auditor), name, query).content.decode()
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize("page", ["catalog:secrets", "audit:verify", "https://elsewhere.example/", "", "home"])
def test_only_lists_that_the_person_may_open_can_be_saved(auditor: User, as_person: Open, page: str) -> None:
    response = as_person(auditor).post("/saved-filters/", {"page": page, "name": "x", "query": "secret=43"})
    assert response.headers["Location"] == "/"
    assert not SavedFilter.objects.exists()


def test_there_is_an_end_to_them(auditor: User, as_person: Open) -> None:
    SavedFilter.objects.bulk_create(
        SavedFilter(person=auditor, page="audit:events", name=str(number), query=f"secret={number}")
        for number in range(MOST)
    )
    browser = as_person(auditor)
    answer = save(browser, "One more", "secret=43").content.decode()
    assert "The filter One more was not saved" in answer
    save(browser, "7", "secret=43")
    assert SavedFilter.objects.get(name="7").query == "secret=43"
    assert SavedFilter.objects.count() == MOST


def test_what_people_type_is_shown_as_text(auditor: User, as_person: Open) -> None:
    text = save(as_person(auditor), "<b>x</b>", 'person="><script>alert(1)</script>').content.decode()
    assert "<b>x</b>" not in text
    assert "<script>alert" not in text


SPELLINGS = [
    ("My filter", "my FILTER"),
    ("caf\u00e9", "cafe\u0301"),
    ("o'neil", "O\u2019Neil"),
    ("a-b", "a\u2011b"),
    ("\uff46ilter", "filter"),
    ("stra\u00dfe", "STRASSE"),
    ("a b", "a\u00a0b"),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_auditor_who_saves_a_name_in_another_spelling_has_one_filter_of_it(
    one: str, other: str, auditor: User, as_person: Open
) -> None:
    browser = as_person(auditor)
    save(browser, one, "secret=43")
    save(browser, other, "secret=44")
    save(browser, "another", "secret=45")
    save(browser, other, "secret=46", "changes:all")
    own = SavedFilter.objects.filter(page="audit:events").exclude(name="another")
    assert [(row.name, row.query) for row in own] == [(other, "secret=44")]
    assert SavedFilter.objects.filter(page="changes:all").count() == 1


def test_filter_of_another_spelling_is_replaced_where_no_further_one_can_be_saved(
    auditor: User, as_person: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.web.saved_filters.MOST", 1)
    browser = as_person(auditor)
    save(browser, "Mine", "secret=43")
    assert "Saved as MINE" in save(browser, "MINE", "secret=44").content.decode()
    assert "was not saved" in save(browser, "mine too", "secret=44").content.decode()


def test_of_two_filters_saved_before_in_two_spellings_the_exact_one_is_replaced(auditor: User, as_person: Open) -> None:
    for name in ("mine", "MINE"):
        SavedFilter.objects.create(person=auditor, page="audit:events", name=name, query="secret=1")
    save(as_person(auditor), "MINE", "secret=2")
    assert dict(SavedFilter.objects.values_list("name", "query")) == {"mine": "secret=1", "MINE": "secret=2"}
