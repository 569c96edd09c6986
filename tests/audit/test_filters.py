"""Finding events: every filter, alone and together, in the query and in the form that fills it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.audit.event_filters import EventFilters
from portal.audit.forms import LogFilterForm, PeriodForm
from portal.audit.ledger import canonical_json, record_event
from portal.audit.models import Event
from portal.web import keyset
from tests.audit.tampering import insert

pytestmark = pytest.mark.django_db

Open = Callable[[User], Client]
NOON = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)


@dataclass
class Log:
    """A log with known hours: the ledger itself always takes the time of the database."""

    ids: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, action: str, *, hour: int = 0, actor: str = "", **columns: Any) -> None:
        at = NOON + datetime.timedelta(hours=hour)
        number: dict[str, Any] = {"change": None, "seq": None, "secret": None, "http_status": None, **columns}
        text = canonical_json(
            {"v": 1, "at": at.isoformat(), "action": action, "actor": actor, "address": "", "request": "", "data": {}}
            | number
        )
        self.ids[name] = insert(at=at, action=action, actor=actor, text=text, **number).pk

    def found(self, **filters: Any) -> set[str]:
        numbers = set(Event.objects.matching(EventFilters(**filters)).values_list("id", flat=True))
        return {name for name, number in self.ids.items() if number in numbers}


@pytest.fixture
def log() -> Log:
    made = Log()
    made.add("in", "session.started", actor="maria", hour=-2)
    made.add("submitted", "change.submitted", actor="maria", change=7, seq=1, secret=43, hour=-1)
    made.add("answered", "vault.responded", change=7, seq=2, secret=43, http_status=201)
    made.add("refused", "vault.responded", change=8, seq=1, secret=57, http_status=400, hour=1)
    made.add("broken", "vault.responded", change=8, seq=2, secret=57, http_status=502, hour=2)
    made.add("silent", "vault.unanswered", change=8, seq=3, secret=57, hour=3)
    made.add("unclear", "delivery.answered", change=8, seq=4, secret=57, hour=4)
    return made


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, {"in", "submitted", "answered", "refused", "broken", "silent", "unclear"}),
        ({"person": "maria"}, {"in", "submitted"}),
        ({"person": "mari"}, set()),
        ({"secret": 43}, {"submitted", "answered"}),
        ({"change": 8}, {"refused", "broken", "silent", "unclear"}),
        ({"kind": "vault"}, {"answered", "refused", "broken", "silent"}),
        ({"kind": "vault.responded"}, {"answered", "refused", "broken"}),
        ({"kind": "vault.resp"}, set()),
        ({"code": "201"}, {"answered"}),
        ({"code": "2xx"}, {"answered"}),
        ({"code": "4xx"}, {"refused"}),
        ({"code": "5xx"}, {"broken"}),
        ({"code": "none"}, {"silent", "unclear"}),
        ({"since": NOON}, {"answered", "refused", "broken", "silent", "unclear"}),
        ({"until": NOON}, {"in", "submitted"}),
        ({"since": NOON, "until": NOON + datetime.timedelta(hours=2)}, {"answered", "refused"}),
        ({"secret": 57, "kind": "vault", "code": "5xx"}, {"broken"}),
        ({"person": "maria", "code": "201"}, set()),
    ],
)
def test_filters_find(log: Log, filters: dict[str, Any], names: set[str]) -> None:
    assert log.found(**filters) == names


@pytest.mark.parametrize(
    "filters", [EventFilters(), EventFilters(since=NOON - datetime.timedelta(days=1)), EventFilters(secret=57)]
)
def test_pages_both_ways_equal_the_whole_answer(log: Log, filters: EventFilters) -> None:
    everything = list(Event.objects.matching(filters).order_by("-id"))
    matching = Event.objects.matching(filters)
    pages = [keyset.paginate_by_keyset(matching, order=("-id",), cursor="", size=2)]
    while pages[-1].older:
        pages.append(keyset.paginate_by_keyset(matching, order=("-id",), cursor=pages[-1].older, size=2))
    assert [row for page in pages for row in page.rows] == everything
    for later, earlier in zip(pages[1:], pages, strict=False):
        assert keyset.paginate_by_keyset(matching, order=("-id",), cursor=later.newer, size=2).rows == earlier.rows


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (EventFilters(person="maria"), "event_actor"),
        (EventFilters(secret=43), "event_secret"),
        (EventFilters(kind="vault.unanswered"), "event_action"),
        (EventFilters(kind="vault"), "event_noun"),
        (EventFilters(code="4xx"), "event_http_status_class"),
        (EventFilters(code="none"), "event_unanswered"),
        (EventFilters(code="404"), "event_http_status"),
        (EventFilters(since=NOON, until=NOON + datetime.timedelta(minutes=1)), "event_at"),
        (EventFilters(change=7), "event_change_seq"),
    ],
)
def test_each_filter_has_its_index(log: Log, filters: EventFilters, index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        # Not the primary key, walked until enough rows have matched:
        cursor.execute("ALTER TABLE audit_event DROP CONSTRAINT audit_event_pkey")
    plan = Event.objects.matching(filters).order_by("-id")[:50].explain()
    assert index in plan


def test_form_turns_the_address_into_filters() -> None:
    form = LogFilterForm(
        {
            "person": " maria ",
            "secret": "43",
            "change": "cr-12",
            "kind": "vault",
            "code": "4XX",
            "since": "2026-11-23T12:00",
            "until": "2026-11-23T13:00:30",
        }
    )
    assert form.is_valid()
    assert form.filters() == EventFilters(
        change=12,
        kind="vault",
        code="4xx",
        since=NOON,
        until=NOON + datetime.timedelta(hours=1, seconds=30),
        people=("maria",),
        secrets=(43,),
    )
    assert form.asked()["person"] == "maria"


def test_an_empty_form_asks_for_everything_but_views_and_exports() -> None:
    form = LogFilterForm({"person": "", "secret": "", "change": " ", "at": "x", "unknown": "y"})
    assert form.is_valid()
    assert form.filters() == EventFilters(hide_views=True)
    assert form.asked() == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("secret", "9" * 30),
        ("change", "CR-"),
        ("change", "12; DROP"),
        ("change", "9" * 30),
        ("kind", "vault.exploded"),
        ("code", "600"),
        ("code", "4x"),
        ("code", "٢٠١"),
        ("since", "yesterday"),
        ("until", "2026-02-30T10:00"),
        ("person", "a\0b"),
        ("person", "x" * 151),
    ],
)
def test_form_names_what_it_does_not_understand(field: str, value: str) -> None:
    form = LogFilterForm({field: value})
    assert not form.is_valid()
    assert set(form.errors) == {field}
    assert value in str(form[field]) or "\0" in value or field == "kind"


def test_a_time_range_that_ends_before_it_begins_is_an_error() -> None:
    form = LogFilterForm({"since": "2026-11-23T12:00", "until": "2026-11-23T12:00"})
    assert not form.is_valid()
    assert "must come after" in str(form.errors["until"])


@pytest.mark.parametrize(("name", "moment"), [("since", "0001-01-01T00:00"), ("until", "9999-12-31T23:59")])
def test_a_date_at_the_edge_of_the_calendar_is_refused_with_the_years_that_are_taken(name: str, moment: str) -> None:
    form = LogFilterForm({name: moment})
    assert not form.is_valid()
    assert form.errors == {name: ["Enter a year from 2000 to 2999."]}
    day = moment[:10]
    period = PeriodForm({"since": day, "until": day})
    assert not period.is_valid()
    assert set(period.errors) == {"since", "until"}


@pytest.mark.parametrize("query", ["since=0001-01-01T00:00", "until=9999-12-31T23:59", "since=0001-01-01"])
def test_pages_answer_a_date_at_the_edge_with_the_rule(query: str, auditor: User, as_person: Open) -> None:
    browser = as_person(auditor)
    for page in ("", "exports/", "export.csv"):
        assert "Enter a year from 2000 to 2999." in browser.get(f"/audit/{page}?{query}").content.decode(), page


def test_news_of_the_queue_since_the_edge_of_the_calendar_are_none(approver: User, as_person: Open) -> None:
    assert (
        as_person(approver).get(f"{reverse('changes:queue_updates')}?since=0001-01-01T00:00&shown=1").status_code == 204
    )


def test_filter_finds_accounts_by_part_of_any_name_and_ignores_case_al4() -> None:
    User.objects.create(username="requester", first_name="Rita", last_name="Campos")
    User.objects.create(username="requester2")
    numbers = [record_event("session.started", by=name) for name in ("requester", "requester2", "maria")]

    def found(person: str) -> set[int]:
        form = LogFilterForm({"person": person})
        assert form.is_valid()
        return set(Event.objects.matching(form.filters()).values_list("pk", flat=True)) & set(numbers)

    assert found("Requester") == found("requester") == {numbers[0]}
    assert found("REQ") == {numbers[0], numbers[1]}
    assert found("campos") == {numbers[0]}
    assert found("nobody-here") == set()


def test_filter_finds_a_secret_by_part_of_its_name() -> None:
    number = record_event("change.submitted", change=901, secret=901, data={"secret_name": "hr-Directory"})
    for text, wanted in (("directory", {number}), ("901", {number}), ("no-such", set[int]())):
        form = LogFilterForm({"secret": text})
        assert form.is_valid()
        assert set(Event.objects.matching(form.filters()).values_list("pk", flat=True)) == wanted, text


def test_views_and_exports_are_hidden_until_they_are_asked_for() -> None:
    hidden = {record_event("audit.read"), record_event("secret.viewed", secret=7)}
    shown = {record_event("session.started", by="maria")}
    for fields, wanted in (({}, shown), ({"views": "all"}, shown | hidden), ({"kind": "audit"}, None)):
        form = LogFilterForm(fields)
        assert form.is_valid()
        found = set(Event.objects.matching(form.filters()).values_list("pk", flat=True)) & (shown | hidden)
        assert found == (wanted if wanted is not None else {min(hidden)}), fields
