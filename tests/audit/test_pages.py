"""The pages of the log: who may look, what they show, and that looking is on record."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from portal.accounts.models import User
from portal.audit.ledger import record_event
from portal.audit.models import Event
from tests.audit.tampering import overwrite
from tests.rig.queries import growing

pytestmark = pytest.mark.django_db

ADDRESSES = [
    "/audit/",
    "/audit/events/1/",
    "/audit/changes/7/",
    "/audit/export.csv",
    "/audit/export.jsonl",
    "/audit/changes/7/evidence.zip",
    "/audit/sealed-log.txt",
    "/audit/checkpoint.txt",
    "/audit/public-key.txt",
    "/audit/verify_countersign.py",
]
Open = Callable[[User], Client]


@pytest.fixture
def page(auditor: User, as_person: Open) -> Callable[..., str]:
    browser = as_person(auditor)

    def read(address: str, status: int = 200, **headers: str) -> str:
        response = browser.get(address, headers=headers)
        assert response.status_code == status
        return response.content.decode()

    return read


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"/audit/events/(\d+)/", text)]


def a_change() -> list[int]:
    told = {"from": "sending", "to": "applied", "cause": "confirmed", "message": "Api secret updated"}
    return [
        record_event("change.submitted", by="maria", change=7, secret=43, data={"reason": "Move to the EU"}),
        record_event("vote.cast", by="pedro", change=7, secret=43, data={"verdict": "approve"}),
        record_event(
            "vault.unanswered", change=7, secret=43, data={"method": "PUT", "path": "/x", "duration_ms": 65000}
        ),
        record_event("vault.responded", change=7, secret=43, http_status=201, data={"method": "PUT", "path": "/x"}),
        record_event("change.applied", change=7, secret=43, http_status=201, data=told),
    ]


@pytest.mark.parametrize("address", ADDRESSES)
def test_others_are_refused_and_it_is_on_record(
    address: str, as_person: Open, requester: User, approver: User, admin: User
) -> None:
    for somebody in (requester, approver, admin):
        assert as_person(somebody).get(address).status_code == 403
        refusal = Event.objects.filter(action="access.denied").first()
        assert refusal is not None
        assert refusal.actor == somebody.username
    assert not Event.objects.filter(action__startswith="audit.").exists()


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_are_sent_to_sign_in(address: str, client: Client) -> None:
    assert client.get(address).headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(address: str, method: str, as_person: Open, auditor: User) -> None:
    a_change()
    browser = as_person(auditor)
    before = Event.objects.count()
    assert getattr(browser, method)(address).status_code == 405
    assert Event.objects.count() == before


def test_list_shows_the_newest_first_with_code_person_and_links(page: Callable[..., str]) -> None:
    made = a_change()
    text = page("/audit/")
    assert numbers(text)[:5] == made[::-1]
    assert re.search(r'class="code code-2xx">201<', text)
    assert "no answer" in text
    assert "maria" in text
    assert "sending → applied · confirmed by Segura · Api secret updated" in text
    assert 'href="/audit/changes/7/"' in text
    assert 'href="/audit/secrets/43/"' in text


@pytest.mark.shows("A03")
def test_list_reads_the_hashed_text_and_not_the_columns(page: Callable[..., str]) -> None:
    number = record_event("vault.responded", change=7, http_status=502)
    overwrite(number, http_status=201, action="change.applied", actor="nobody")
    text = page("/audit/")
    assert ">502<" in text
    assert ">201<" not in text
    assert "nobody" not in text


@pytest.mark.parametrize("forged", ["", "{}", "not json", '{"v":1}', "<script>alert(1)</script>", "\u202e"])
def test_a_line_the_portal_did_not_write_is_shown_for_what_it_is(page: Callable[..., str], forged: str) -> None:
    number = record_event("change.submitted", change=7, secret=43)
    overwrite(number, text=forged)
    for address in ("/audit/", f"/audit/events/{number}/", "/audit/changes/7/"):
        text = page(address)
        assert "Not written by Countersign" in text
        assert "<script>alert" not in text
        assert "\u202e" not in text


def test_filters_narrow_the_list_and_stay_in_pager_and_export(page: Callable[..., str]) -> None:
    for _ in range(60):
        record_event("vault.responded", secret=43, http_status=404)
    record_event("vault.responded", secret=43, http_status=201)
    text = page("/audit/?secret=43&code=4xx&kind=")
    assert len(numbers(text)) == 50
    assert re.search(r'name="secret"[^>]*value="43"|value="43"[^>]*name="secret"', text)
    assert 'href="/audit/export.csv?secret=43&amp;code=4xx"' in text
    older = re.search(r'href="([^"]+)"\s+rel="next"', text)
    assert older is not None
    assert older[1].startswith("/audit/?secret=43&amp;code=4xx&amp;at=")
    rest = page(older[1].replace("&amp;", "&"))
    assert len(numbers(rest)) == 10
    assert "Newer" in rest


def test_a_filter_nobody_understands_is_named_and_kept(page: Callable[..., str]) -> None:
    for address in ("/audit/", "/audit/export.csv", "/audit/export.jsonl"):
        text = page(f"{address}?code=abc&person=maria", 422)
        assert "A response code is a number such as 201" in text
        assert 'value="abc"' in text
        assert 'value="maria"' in text
    assert not Event.objects.filter(action__startswith="audit.").exists()


def test_a_damaged_cursor_is_a_clear_400(page: Callable[..., str]) -> None:
    page("/audit/?at=garbage", 400)
    page("/audit/changes/7/?at=%00", 400)


def test_htmx_gets_the_list_alone_and_the_address_holds_only_what_was_asked(as_person: Open, auditor: User) -> None:
    a_change()
    response = as_person(auditor).get("/audit/?person=&code=2xx&kind=", headers={"HX-Request": "true"})
    text = response.content.decode()
    assert "<html" not in text
    assert 'id="list"' in text
    assert response["HX-Push-Url"] == "/audit/?code=2xx"
    assert "HX-Request" in response["Vary"]
    assert "no-store" in response["Cache-Control"]


def test_list_costs_the_same_however_much_it_shows(as_person: Open, auditor: User) -> None:
    browser = as_person(auditor)
    browser.get("/audit/")
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            browser.get("/audit/")
        counts.append(len(queries))
        assert growing(queries) == []
        for _ in range(50):
            record_event("vault.responded", change=7, secret=43, http_status=200)
    assert counts[1] <= counts[0] + 1 <= 12  # one for the names of the secrets, if there are any


def test_event_is_shown_whole(page: Callable[..., str]) -> None:
    said = {"number": 1005, "odd_name": ["a", "b"]}
    number = record_event("vault.responded", by="maria", change=7, secret=43, http_status=400, data=said)
    text = page(f"/audit/events/{number}/")
    event = Event.objects.get(pk=number)
    for part in (f"{event.at:%Y-%m-%d %H:%M:%S.%f}", "vault.responded", "maria", ">400<", "1005", "odd_name", "a, b"):
        assert part in text
    assert event.text.replace('"', "&quot;") in text
    page(f"/audit/events/{number + 10**6}/", 404)
    page(f"/audit/events/{10**30}/", 404)


def test_timeline_tells_a_change_from_proposal_to_answer(page: Callable[..., str]) -> None:
    made = a_change()
    record_event("change.submitted", change=8, secret=43)
    text = page("/audit/changes/7/")
    assert numbers(text) == made
    assert text.index("Move to the EU") < text.index("no answer") < text.index(">201<")
    assert "65000 ms" in text
    page("/audit/changes/9/", 404)


def test_a_long_timeline_is_paged(page: Callable[..., str]) -> None:
    made = [record_event("vault.responded", change=7, http_status=500) for _ in range(130)]
    first = page("/audit/changes/7/")
    later = re.search(r'href="([^"]+)"\s+rel="next"', first)
    assert later is not None
    assert numbers(first) + numbers(page(later[1])) == made


@pytest.mark.parametrize(
    ("text", "dangerous"),
    [
        ("<b>bold</b>", "<b>"),
        ('"><img src=x onerror=alert(1)>', "<img"),
        ("a\u202eb", "\u202e"),
        ("a\u200bb", "\u200b"),
        ("{{ 7|add:42 }}", ">49<"),
    ],
)
def test_what_people_wrote_is_shown_as_text(page: Callable[..., str], text: str, dangerous: str) -> None:
    number = record_event("change.submitted", by=text, change=7, data={"reason": text, text: text})
    for address in ("/audit/", f"/audit/events/{number}/", "/audit/changes/7/"):
        assert dangerous not in page(address)


def test_reading_is_on_record_with_its_filters_once_a_reading(page: Callable[..., str]) -> None:
    number = a_change()[0]
    reads = Event.objects.filter(action="audit.read", actor="auditor").order_by("id")
    page("/audit/?code=2xx&person=")
    page("/audit/?code=2xx")
    page("/audit/", **{"HX-Request": "true"})
    page(f"/audit/events/{number}/")
    page("/audit/changes/7/")
    assert [row.entry.data for row in reads if row.entry] == [
        {"view": "events", "filters": {"code": "2xx"}},
        {"view": "events", "filters": {}},
        {"view": "event", "event": number},
        {"view": "change_timeline", "change": 7},
    ]
    assert all(row.change is None for row in reads)


def test_reading_again_after_an_hour_is_another_reading(auditor: User, as_person: Open) -> None:
    browser = as_person(auditor)
    browser.get("/audit/")
    with time_machine.travel(Event.objects.get(action="audit.read").at.timestamp() + 3700):
        browser.get("/audit/")
    assert Event.objects.filter(action="audit.read").count() == 2


@pytest.mark.parametrize(
    ("days", "said", "unsaid"), [(0, "changed or deleted", "removed"), (400, "400 days", "deleted")]
)
def test_log_promises_no_more_than_retention_keeps(
    days: int, said: str, unsaid: str, auditor: User, as_person: Callable[[User], Client], settings: Settings
) -> None:
    settings.RETAIN_AUDIT_DAYS = days
    lede = as_person(auditor).get("/audit/").content.decode().split('class="lede"')[1].split("</p>")[0]
    assert said in lede
    assert unsaid not in lede


def test_newest_row_of_a_fresh_visit_is_not_the_visit_itself_al2(page: Callable[..., str]) -> None:
    record_event("session.started", by="maria")
    text = page("/audit/")
    assert "Audit log viewed" not in text.split("<tbody>")[1].split("</tbody>")[0]
    assert "1 view or export hidden" in page("/audit/")
    assert "Audit log viewed" in page("/audit/?views=all").split("<tbody>")[1]


def test_event_page_tells_the_code_in_the_answer_from_the_segura_error_t9(page: Callable[..., str]) -> None:
    number = record_event("vault.responded", change=7, secret=43, http_status=400, data={"code": 400, "number": 1005})
    text = page(f"/audit/events/{number}/")
    assert "<dt>Code in Segura&#x27;s answer</dt>" in text
    assert "<dt>Segura error</dt>" in text
