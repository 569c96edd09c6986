"""The overview: what it counts, from what, and where each number leads."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.audit import period
from portal.audit.ledger import record_event
from portal.audit.models import Event
from portal.audit.reports import overview as asked
from portal.audit.reports.charts import format_duration
from tests.audit.tampering import overwrite

pytestmark = pytest.mark.django_db

Open = Callable[[User], Client]
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
WEEK = period.last_days(7)


Happened = list[tuple[datetime, str, dict[str, Any]]]


def at(moment: datetime, action: str, **subject: Any) -> Happened:
    return [(moment, action, {"secret": 43, **subject})]


def a_way(change: int, begun: datetime, *, code: int | None = 201, by: str = "pedro") -> Happened:
    """Submitted, voted on after one hour, approved, and applied two hours after it was submitted."""
    vote, end = begun + timedelta(hours=1), begun + timedelta(hours=2)
    return [
        *at(begun, "change.submitted", by="maria", change=change),
        *at(vote, "vote.cast", by=by, change=change),
        *at(vote, "change.approved", by=by, change=change),
        *at(end, "delivery.intended", change=change),
        *at(end, "delivery.answered", http_status=code, change=change),
        *at(end, "change.applied" if code == 201 else "change.in_doubt", http_status=code, change=change),
    ]


def tell(*happened: Happened) -> None:
    """Put it all into the log, in the order in which it happened."""
    for moment, action, subject in sorted(itertools.chain(*happened), key=lambda event: event[0]):
        overwrite(record_event(action, **subject), at=moment)


@pytest.fixture
def browser(auditor: User, as_person: Open) -> Client:
    return as_person(auditor)


def test_period_is_counted_by_day_and_nothing_beyond_it() -> None:
    tell(
        a_way(1, NOON - timedelta(days=1)),
        a_way(2, NOON - timedelta(days=2), code=None),
        a_way(3, NOON - timedelta(days=40)),
    )
    seen = asked.build_overview(WEEK)
    assert (seen.whole.submitted, seen.whole.answers["2xx"], seen.whole.answers["none"]) == (2, 1, 1)
    assert seen.whole.outcomes["change.applied"] == 1
    assert [part.answers["2xx"] for part in seen.parts] == [0, 0, 0, 0, 0, 1, 0]
    assert [part.answers["none"] for part in seen.parts] == [0, 0, 0, 0, 1, 0, 0]


def test_waits_are_measured_from_submit_to_applied_and_to_the_first_vote() -> None:
    tell(
        a_way(1, NOON - timedelta(days=1)),
        at(NOON, "vote.cast", by="paulo", change=1),  # a second vote, later
        at(NOON - timedelta(days=60), "change.submitted", by="maria", change=2),
        at(NOON, "change.applied", change=2),
    )
    whole = asked.build_overview(WEEK).whole
    assert (whole.first_vote.number, whole.first_vote.median) == (1, 3600)
    assert whole.lead.number == 2
    assert whole.lead.median == pytest.approx((7200 + 60 * 86_400) / 2)


def test_doubt_is_counted_by_change_however_often_it_was_doubted() -> None:
    yesterday = NOON - timedelta(days=1)
    tell(a_way(1, yesterday), a_way(2, yesterday, code=504), at(NOON, "change.in_doubt", change=2))
    seen = asked.build_overview(WEEK)
    assert (seen.sent, seen.doubted, seen.doubted_share) == (2, 1, 0.5)


def test_doubt_about_what_was_sent_before_the_period_is_no_share_of_what_was_sent_in_it() -> None:
    tell(*(a_way(change, NOON - timedelta(days=40), code=504) for change in (1, 2, 3)))
    tell(a_way(4, NOON - timedelta(days=1)), *(at(NOON, "change.in_doubt", change=change) for change in (1, 2, 3)))
    seen = asked.build_overview(WEEK)
    assert (seen.sent, seen.doubted, seen.doubted_share) == (1, 0, 0)
    assert seen.whole.outcomes["change.in_doubt"] == 3


def test_outcome_unknown_counts_open_changes_and_is_zero_once_they_are_settled_ao2(browser: Client) -> None:
    tell(*(a_way(change, NOON - timedelta(days=40), code=504) for change in (1, 2)))
    tell(at(NOON, "change.in_doubt", change=2))
    assert shown_as_unknown(browser) == ("2", "1")
    tell(at(NOON, "change.applied", change=1), at(NOON, "change.escalated", change=2))
    assert shown_as_unknown(browser) == ("0", "1")


def shown_as_unknown(browser: Client) -> tuple[str, ...]:
    """Return the changes with unknown outcome now, and how often that came up in the period."""
    page = browser.get("/audit/overview/?days=7").content.decode()
    found = re.search(r'only=open_doubt">(\d+)</a>\s*<small><a [^>]+>(\d+) in this period</a>', page)
    assert found
    return found.groups()


def test_a_call_without_the_approval_of_somebody_else_is_counted() -> None:
    tell(a_way(1, NOON - timedelta(days=1)))
    assert asked.build_overview(WEEK).unapproved == 0
    tell(
        a_way(2, NOON - timedelta(hours=9), by="maria"),  # approved by who proposed it
        at(NOON, "change.submitted", by="maria", change=3),
        at(NOON, "delivery.intended", change=3),  # never approved
        a_way(4, NOON - timedelta(hours=9)),
        at(NOON, "change.revised", by="maria", change=4),
        at(NOON, "delivery.intended", change=4),  # revised after the approval
    )
    seen = asked.build_overview(WEEK)
    assert (seen.calls, seen.unapproved) == (5, 3)


def test_each_number_leads_to_as_many_rows_ao4(browser: Client) -> None:
    tell(
        *(a_way(change, NOON - timedelta(days=change), code=code) for change, code in ((1, 201), (2, 201), (3, 502))),
        a_way(4, NOON - timedelta(days=4), code=504, by="maria"),  # approved by who proposed it
        at(NOON - timedelta(days=3), "delivery.intended", change=4),
        at(NOON - timedelta(days=3), "change.in_doubt", change=4),
        at(NOON - timedelta(days=3), "change.still_in_doubt", change=4),
        at(NOON - timedelta(days=3), "change.submitted", by="maria", change=5),  # nobody has voted on it
        a_way(6, NOON - timedelta(days=40), code=504),
        at(NOON - timedelta(days=3), "change.in_doubt", change=6),  # sent long before, so none of those sent
    )
    page = browser.get("/audit/overview/?days=7").content.decode()
    links = re.findall(r'<a href="(/audit/\?[^"]+)">\s*(\d+)\s*</a>', page)
    assert len(links) > 8
    doubted = re.search(r'<a href="([^"]+only=doubted[^"]*)">[^<]+%</a>\s*<small>(\d+) of 4', page)
    assert doubted
    assert int(doubted[2]) == 2
    assert {number for address, number in links if "only=unapproved" in address} == {"2"}
    for address, number in [*links, doubted.groups()]:
        rows = browser.get(unescape(address)).content.decode()
        assert len(set(re.findall(r"/audit/events/(\d+)/", rows.split('id="list"')[1]))) == int(number), address


def test_long_periods_are_cut_into_weeks_that_cover_them() -> None:
    quarter = period.last_days(90)
    parts = quarter.parts()
    assert len(parts) == 13
    assert (parts[0].since, parts[-1].until) == (quarter.since, quarter.until)
    assert all(one.until == other.since for one, other in itertools.pairwise(parts))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("since=2026-02-01", "Give both days, or neither."),
        ("since=2026-02-02&until=2026-02-01", "must not come before the first"),
        ("since=2024-01-01&until=2026-02-01", "At most 366 days"),
        ("since=soon&until=2026-02-01", "Enter a valid date"),
        ("days=8", "Select a valid choice"),
    ],
)
def test_a_period_nobody_understands_is_named_and_kept(browser: Client, query: str, words: str) -> None:
    for address in ("/audit/overview/", "/audit/people/maria/"):
        response = browser.get(f"{address}?{query}")
        assert response.status_code == 422
        text = response.content.decode()
        assert words in text
        if "until=" in query:
            assert 'value="2026-02-01"' in text


def test_overview_asks_at_most_twelve_questions_whatever_there_is(browser: Client) -> None:
    browser.get("/audit/overview/")  # that somebody was here for the first time is written down
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/audit/overview/?days=90").status_code == 200
        assert len(queries) <= 12, "\n".join(query["sql"][:90] for query in queries)
        tell(*(a_way(change, NOON - timedelta(days=change)) for change in range(1, 20)))


def test_overview_is_a_reading_on_record(browser: Client) -> None:
    browser.get("/audit/overview/")
    browser.get("/audit/overview/?since=2026-02-01&until=2026-02-03")
    reads = [row.entry.data for row in Event.objects.filter(action="audit.read").order_by("id") if row.entry]
    assert reads == [
        {"view": "overview", "filters": {"days": "30"}},
        {"view": "overview", "filters": {"since": "2026-02-01", "until": "2026-02-03"}},
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0.4, "0 s"), (59, "59 s"), (61, "1 min"), (5400, "1.5 h"), (86_400 * 3, "3.0 d")],  # noqa: RUF001
)
def test_durations_are_said_in_their_fitting_unit(seconds: float | None, words: str) -> None:
    assert format_duration(seconds) == words
