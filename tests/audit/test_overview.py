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


def exceptional(begun: datetime) -> Happened:
    """One of each exception, each beside an event that is none."""
    refused = {"revision": 1, "verdict": "approve"}
    return [
        *itertools.chain(*(at(begun, "change.submitted", by="ana", change=change) for change in (8, 9))),
        *at(begun, "change.approved", by="pedro", change=7, data={"risk": "high"}),
        *at(begun, "change.approved", by="pedro", change=8, data={"risk": "low"}),
        *at(begun, "vote.refused", by="maria", change=7, data={**refused, "rule": "OwnChange"}),
        *at(begun, "vote.refused", by="maria", change=7, data={**refused, "rule": "OwnChange", "verdict": "reject"}),
        *at(begun, "vote.refused", by="pedro", change=7, data={**refused, "rule": "StaleRevision"}),
        *at(begun, "change.resolved", by="rui", change=7, data={"applied": True}),
        *at(begun, "change.applied", change=8, data={"cause": "read_back"}),
        *at(begun, "change.applied", change=9, data={"cause": "confirmed", "message": '"cause":"read_back"'}),
        *at(begun, "change.stale", change=10, data={"cause": "base_moved"}),
        *at(begun, "change.stale", change=11, data={"cause": "moved_by_change"}),
        (begun, "delivery.paused", {"http_status": 503}),
        (begun, "delivery.paused_by_operator", {"by": "rui"}),
        (begun, "delivery.resumed", {}),
    ]


def test_exceptions_are_counted_and_nothing_beside_them() -> None:
    tell(exceptional(NOON - timedelta(days=1)), exceptional(NOON - timedelta(days=40)))
    assert asked.build_overview(WEEK).exceptions == {
        "high_risk": 1,
        "refused_votes": 3,
        "self_approvals": 1,
        "resolved": 1,
        "unverified": 1,
        "pauses": 2,
        "outside_edits": 1,
    }


def test_words_that_a_user_typed_make_no_exception() -> None:
    typed = '"risk":"high"'
    tell(
        at(NOON - timedelta(days=1), "change.approved", change=1, data={"risk": "low", "reason": typed}),
        at(NOON - timedelta(days=1), "change.approved", change=2, data={"reason": typed[1:-1]}),
    )
    assert asked.build_overview(WEEK).exceptions["high_risk"] == 0


def test_exceptions_come_first_then_numbers_then_charts_then_breakdowns(browser: Client) -> None:
    tell(a_way(1, NOON - timedelta(days=1)))
    page = browser.get("/audit/overview/?days=7").content.decode()
    ids = ("exceptions", "figures", "answers", "outcomes", "lead", "first-vote", "by-secret", "by-requester")
    places = [page.index(f'id="{name}"') for name in ids]
    assert places == sorted(places)


def test_each_number_leads_to_as_many_rows_ao4(browser: Client) -> None:
    tell(
        exceptional(NOON - timedelta(days=2)),
        at(NOON - timedelta(days=2), "change.revised", by="maria", change=1),
        at(NOON - timedelta(days=2), "change.withdrawn", by="maria", change=5),
        at(NOON - timedelta(days=3), "change.submitted", by="rui", change=12),
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
    assert len(links) > 40
    exceptions = page.split('id="exceptions"')[1].split('id="figures"')[0]
    assert re.findall(r'<a href="/audit/[^"]+">(\d+)</a>', exceptions) == ["2", "1", "3", "1", "1", "3", "2", "1"]
    for person, numbers in (("maria", ["5", "1", "1", "2"]), ("rui", ["1"])):
        row = page.split('id="by-requester"')[1].split(f">{person}</a>")[1].split("</tr>")[0]
        assert re.findall(rf'person={person}">\s*(\d+)\s*</a>', row) == numbers
    doubted = re.search(r'<a href="([^"]+only=doubted[^"]*)">[^<]+%</a>\s*<small>(\d+) of 4', page)
    assert doubted
    assert int(doubted[2]) == 2
    assert {number for address, number in links if "only=unapproved" in address} == {"2"}
    for address, number in [*links, doubted.groups()]:
        rows = browser.get(unescape(address)).content.decode()
        assert len(set(re.findall(r"/audit/events/(\d+)/", rows.split('id="list"')[1]))) == int(number), address


def test_breakdown_shows_the_ten_with_the_most_proposals_by_name(browser: Client) -> None:
    for number in range(1, 13):
        proposals = 2 if number > 11 else 1
        tell(
            *(
                at(NOON - timedelta(days=1), "change.submitted", by=f"r{number:02}", change=10 * number + again,
                   secret=number, data={"secret_name": f"api-{number}"})
                for again in range(proposals)
            )
        )  # fmt: skip
    page = browser.get("/audit/overview/?days=7").content.decode()
    by_secret, by_requester = page.split('id="by-secret"')[1].split('id="by-requester"')
    assert "The ten with the most proposals" in by_secret
    assert re.findall(r">(api-\d+)</a>", by_secret)[:2] == ["api-12", "api-11"]
    assert len(re.findall(r">api-\d+</a>", by_secret)) == 10
    assert 'href="/audit/secrets/12/"' in by_secret
    assert re.findall(r'href="/audit/people/(r\d+)/"', by_requester)[:2] == ["r12", "r11"]


@pytest.mark.parametrize("age", [timedelta(minutes=1), timedelta(hours=30)])
def test_young_log_is_counted_by_hour_from_its_first_event(age: timedelta, browser: Client) -> None:
    now = datetime.now(UTC)
    tell(at(now - age, "session.started", by="maria"), at(now - timedelta(seconds=1), "change.submitted", change=1))
    seen = asked.build_overview(period.last_days(30), narrow=True)
    hours = [part.period.since for part in seen.parts]
    assert hours[0] == (now - age).replace(minute=0, second=0, microsecond=0)
    assert hours[-1] == now.replace(minute=0, second=0, microsecond=0)
    assert {part.period.until - part.period.since for part in seen.parts} == {timedelta(hours=1)}
    assert seen.parts[-1].submitted == 1 or now.minute == now.second == 0
    table = browser.get("/audit/overview/").content.decode().split('id="first-vote"')[0]
    assert f"{hours[0]:%Y-%m-%d %H:%M} to " in table


def test_period_starts_with_the_day_of_the_first_event_if_that_is_later() -> None:
    tell(at(NOON - timedelta(days=10), "session.started", by="maria"), a_way(1, NOON - timedelta(days=3)))
    seen = asked.build_overview(period.last_days(30), narrow=True)
    assert seen.whole.period == period.last_days(11)
    assert (len(seen.parts), seen.whole.submitted) == (11, 1)
    tell(at(NOON - timedelta(days=60), "session.started", by="maria"))
    assert asked.build_overview(period.last_days(30), narrow=True).whole.period == period.last_days(30)


def test_chosen_days_are_not_narrowed_and_two_of_them_are_counted_by_hour(browser: Client) -> None:
    tell(a_way(1, NOON - timedelta(days=1)))
    days = f"since={NOON - timedelta(days=5):%Y-%m-%d}&until={NOON - timedelta(days=1):%Y-%m-%d}"
    page = browser.get(f"/audit/overview/?{days}").content.decode()
    assert f"{NOON - timedelta(days=5):%Y-%m-%d} to {NOON - timedelta(days=1):%Y-%m-%d}, UTC" in page
    yesterday = period.period_between(NOON.date() - timedelta(days=1), NOON.date() - timedelta(days=1))
    parts = asked.build_overview(yesterday).parts
    assert [part.period.since.hour for part in parts if part.submitted] == [12]
    assert [part.period.since.hour for part in parts if part.outcomes["change.applied"]] == [14]
    assert len(parts) == 24


def test_forged_instants_do_not_decide_where_the_period_begins() -> None:
    tell(a_way(1, NOON - timedelta(days=3)))
    overwrite(record_event("session.started", by="maria"), at=datetime(1, 1, 1, tzinfo=UTC))
    assert asked.build_overview(period.last_days(30), narrow=True).whole.period == period.last_days(4)


def test_without_data_one_sentence_and_no_axes(browser: Client) -> None:
    tell(at(NOON - timedelta(days=1), "session.started", by="maria"))
    page = browser.get("/audit/overview/").content.decode()
    assert page.count("No change was proposed, decided or sent to Segura in this period.") == 1
    assert not re.search(r"<canvas|<dl class=.figures|data-chart|<tbody", page)
    tell(at(NOON - timedelta(days=1), "change.submitted", by="maria", change=1))
    page = browser.get("/audit/overview/").content.decode()
    assert "<canvas" not in page
    for sentence in (
        "Countersign made no call to change a secret in this period.",
        "No change came to an outcome in this period.",
        "No change was applied in this period.",
        "No change that was proposed in this period has a vote.",
    ):
        assert page.count(sentence) == 1


def test_p90_is_the_time_that_nine_in_ten_took_no_longer_than(browser: Client) -> None:
    for change in range(1, 12):
        begun = NOON - timedelta(days=1)
        tell(
            at(begun, "change.submitted", by="maria", change=change),
            at(begun + timedelta(hours=change), "change.applied", change=change),
        )
    seen = asked.build_overview(WEEK).whole.lead
    assert (seen.median, seen.p90) == (6 * 3600, 10 * 3600)
    page = browser.get("/audit/overview/?days=7").content.decode()
    assert "<small>p90 10.0 h</small>" in page
    assert "Nine in ten within" not in page


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
