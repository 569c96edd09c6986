"""The log by person and by secret, and the way there by a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from portal.accounts.models import User
from portal.audit.ledger import record_event
from portal.audit.models import Event
from portal.audit.sharing import access_changes_from_data
from tests.rig.queries import growing

pytestmark = pytest.mark.django_db

Open = Callable[[User], Client]


@pytest.fixture
def read(auditor: User, as_person: Open) -> Callable[..., str]:
    browser = as_person(auditor)

    def page(address: str, status: int = 200) -> str:
        response = browser.get(address)
        assert response.status_code == status
        return re.sub(r"\s+", " ", response.content.decode())

    return page


def a_change(change: int, **proposed: Any) -> None:
    base = {"users_allowed": [["pduarte", False]], "groups_allowed": []}
    patch = {"users_allowed": [["pduarte", True]], "url": "https://eu.example"}
    said = {"secret_name": "GCP", "reason": "Rui looks after it", "fields": ["url", "users_allowed"], "base": base}
    subject = {"change": change, "secret": 43}
    record_event("change.submitted", by="maria", data={**said, "patch": patch, **proposed}, **subject)
    record_event("vote.cast", by="pedro", data={"verdict": "approve", "reason": "Agreed with Rui"}, **subject)
    record_event("change.approved", by="pedro", data={"from": "pending", "to": "approved"}, **subject)
    record_event("delivery.answered", http_status=201, data={"outcome": "applied"}, **subject)
    record_event("change.applied", http_status=201, data={"from": "sending", "to": "applied"}, **subject)


def test_secret_tells_who_gave_whom_which_right_who_agreed_and_what_segura_said(read: Callable[..., str]) -> None:
    a_change(7)
    record_event("change.submitted", by="rita", change=8, secret=43, data={"secret_name": "GCP", "patch": {"url": "x"}})
    text = read("/audit/secrets/43/")
    assert "<h1> GCP </h1>" in text
    row = text.split("CR-7<")[1]
    order = ["maria", "Rui looks after it", "pduarte gains the right to edit", "pedro", "Agreed with Rui", ">201<"]
    places = [row.index(part) for part in order]
    assert places == sorted(places)
    assert 'data-status="applied"' in row
    assert 'data-status="pending"' in text.split("CR-8<")[1].split("CR-7<")[0]
    assert "pduarte gains" not in text.split("CR-8<")[1].split("CR-7<")[0]


def test_votes_before_a_revision_are_not_shown_as_agreement_to_it(read: Callable[..., str]) -> None:
    record_event("change.submitted", by="maria", change=7, secret=43, data={"secret_name": "GCP"})
    record_event("vote.cast", by="pedro", change=7, secret=43, data={"verdict": "approve"})
    record_event("change.revised", by="maria", change=7, secret=43, data={"reason": "Anew", "to": "pending"})
    text = read("/audit/secrets/43/")
    assert "pedro" not in text
    assert "Anew" in text


@pytest.mark.parametrize(
    ("patch", "base", "sentences"),
    [
        ({"users_allowed": [["a", True]]}, {"users_allowed": []}, ["a gains the right to edit"]),
        ({"users_allowed": [["a", False]]}, {"users_allowed": []}, ["a gains the right to view"]),
        ({"users_allowed": [["a", False]]}, {"users_allowed": [["a", True]]}, ["a may no longer edit, only view"]),
        ({"users_allowed": []}, {"users_allowed": [["a", True]]}, ["a loses access"]),
        ({"users_allowed": [["a", True]]}, {"users_allowed": [["a", True]]}, []),
        ({"groups_allowed": [["a", True]]}, {}, ["Group a gains the right to edit"]),
        ({"groups_allowed": [["a", True]]}, None, ["Group a is to have the right to edit; what was before is unknown"]),
        ({"users_allowed": [["\u202ea", True]]}, {}, ["\\u202ea gains the right to edit"]),
        ({"url": "x"}, {}, []),
        ({"users_allowed": "nothing we know"}, {}, []),
        (None, None, []),
    ],
)
def test_shares_are_said_as_power_gained_and_lost(patch: Any, base: Any, sentences: list[str]) -> None:
    with translation.override("en"):
        assert [power.sentence for power in access_changes_from_data({"patch": patch, "base": base})] == sentences


def test_secret_costs_the_same_however_much_was_changed_and_is_paged(as_person: Open, auditor: User) -> None:
    browser = as_person(auditor)
    counts = []
    for _ in range(2):
        browser.get("/audit/secrets/43/")
        with CaptureQueriesContext(connection) as queries:
            text = browser.get("/audit/secrets/43/").content.decode()
        counts.append(len(queries))
        assert growing(queries) == []
        for change in range(1, 21):
            a_change(change)
    assert counts[1] <= counts[0] + 1 <= 12  # without any change nothing asks what became of it
    assert len(set(re.findall(r"/audit/changes/(\d+)/", text.split('id="access"')[0]))) == 15
    older = re.search(r'href="(\?at=[^"]+)"\s+rel="next"', text)
    assert older is not None
    rest = browser.get(f"/audit/secrets/43/{older[1]}").content.decode()
    assert set(re.findall(r"/audit/changes/(\d+)/", rest.split('id="access"')[0])) == {"1", "2", "3", "4", "5"}


def test_person_is_told_in_numbers_that_lead_to_rows(read: Callable[..., str]) -> None:
    for change in (7, 8):
        a_change(change)
    record_event("session.started", by="maria")
    text = read("/audit/people/maria/?days=7")
    numbers = dict(re.findall(r'kind=([a-z_.]+)&amp;person=maria"> ?(\d+)', text))
    assert numbers == {"change.submitted": "2", "session.started": "1"}
    assert "pedro" not in text
    link = re.search(r'href="(/audit/\?[^"]*kind=change.submitted&amp;person=maria)"', text)
    assert link is not None
    assert len(set(re.findall(r"/audit/changes/(\d+)/", read(link[1].replace("&amp;", "&"))))) == 2


@pytest.mark.parametrize("name", ["nobody", "<b>bold</b>", "a/b", "console (uid 0)", "\u202eevil", "ação@example.org"])
def test_any_name_has_a_page_and_is_shown_as_text(read: Callable[..., str], as_person: Open, name: str) -> None:
    from django.urls import reverse

    address = reverse("audit:person", args=[name])
    assert "Nothing of this person in this time" in read(address)
    record_event("session.ended", by=name)
    text = read(address)
    assert "Nothing of this person" not in text
    assert "<b>bold" not in text
    assert "\u202e" not in text
    assert address in read("/audit/")


def test_find_leads_straight_to_the_one_thing_it_finds(auditor: User, as_person: Open, requester: User) -> None:
    a_change(7)
    browser = as_person(auditor)
    for text, where in (
        ("CR-7", "/audit/changes/7/"),
        ("cr-7", "/audit/changes/7/"),
        ("43", "/audit/secrets/43/"),
        ("gc", "/audit/secrets/43/"),
        ("requester", "/audit/people/requester/"),
        ("maria", "/audit/people/maria/"),  # nobody's account, yet in the log
    ):
        response = browser.get("/audit/find/", {"q": text})
        assert response.headers.get("Location") == where, text


def test_find_shows_a_list_where_there_is_more_and_says_where_there_is_nothing(read: Callable[..., str]) -> None:
    a_change(7)
    record_event("change.submitted", change=9, secret=44, data={"secret_name": "GCP backup"})
    text = read("/audit/find/?q=GCP")
    assert "/audit/secrets/43/" in text
    assert "/audit/secrets/44/" in text
    assert "Nothing of this name" in read("/audit/find/?q=Rui looks after it")  # a reason is no name
    assert "Nothing of this name" in read("/audit/find/?q=CR-999")
    assert "This field is required" in read("/audit/find/?q=", 422)
    reads = Event.objects.filter(action="audit.read").order_by("id")
    assert [row.entry.data["filters"]["q"] for row in reads if row.entry] == ["GCP", "Rui looks after it", "CR-999"]


@pytest.mark.parametrize("name", ['a"b', "a\\b", "100%", "under_score", "Ação", "a,b"])
def test_find_takes_every_character_of_a_name_for_itself(as_person: Open, auditor: User, name: str) -> None:
    a_change(7, secret_name=f"the {name}")
    a_change(8, secret_name="the other, longer name")
    record_event("change.submitted", change=9, secret=44, data={"secret_name": "another"})
    found = as_person(auditor).get("/audit/find/", {"q": name[1:]})
    assert found.headers.get("Location") == "/audit/secrets/43/"


@pytest.mark.parametrize(
    "address", ["/audit/overview/", "/audit/people/x/", "/audit/secrets/43/", "/audit/find/?q=43x"]
)
def test_every_page_says_how_the_log_is_sealed(read: Callable[..., str], address: str) -> None:
    assert "No event is sealed yet." in read(address)
