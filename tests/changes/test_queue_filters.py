"""The queue narrowed and sorted by its address: everything combines, and nothing else is carried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import review, submission
from tests.changes.pages import as_shown_to, ballot_of, send, text_of
from tests.changing import approve
from tests.people import mirrored
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
QUEUE = "/queue/"
AsPerson = Callable[..., Client]


@pytest.fixture
def some(propose: Callable[..., Proposal], requester: User, requester2: User) -> dict[str, Change]:
    """Changes by what they are."""
    asked: dict[str, tuple[User, dict[str, Any]]] = {
        "low": (requester, {"notes": "x"}),
        "high": (requester2, {"url": "https://elsewhere.example", "notes": "x"}),
        "medium": (requester, {"value": "a-new-value", "tags": "y"}),
    }
    made = {}
    for number, (name, (by, patch)) in enumerate(asked.items(), 60):
        mirrored(number, name)
        made[name] = submission.submit_change(propose(identifier=number, **patch), by=by)
    return made


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ["low", "high", "medium"]),
        ("sort=risk", ["high", "medium", "low"]),
        ("risk=2", ["medium"]),
        ("field=notes", ["low", "high"]),
        ("field=client_secret", ["medium"]),
        ("requester=requester2", ["high"]),
        ("field=notes&risk=1&requester=req", ["low"]),
        ("q=high&risk=1", []),
        ("risk=9&field=nothing&age=x&sort=y", ["low", "high", "medium"]),
    ],
)
def test_filters_combine_and_nonsense_narrows_nothing(
    asked: str, found: list[str], some: dict[str, Change], as_person: AsPerson, approver: User
) -> None:
    rows = as_person(approver).get(f"{QUEUE}?{asked}").context["rows"]
    assert [row.change.secret_name for row in rows] == found


@pytest.mark.parametrize("page", ["/queue/", "/changes/"])
def test_search_finds_ticket_reason_secret_number_and_requester_q6(
    page: str,
    some: dict[str, Change],
    propose: Callable[..., Proposal],
    as_person: AsPerson,
    approver: User,
    requester2: User,
) -> None:
    User.objects.filter(pk=requester2.pk).update(first_name="Marisa", last_name="Prado")
    mirrored(70, "ledger")
    proposal = replace(propose(identifier=70, notes="y"), ticket="OPS-105", reason="Rotate the mandate")
    ticketed = submission.submit_change(proposal, by=some["low"].requester)
    browser = as_person(approver)
    found = {
        text: {row.change.secret_name for row in browser.get(page, {"q": text}).context["rows"]}
        for text in ("OPS-105", "ops-10", "mandate", "ledg", str(ticketed), "marisa", "Prado", "OPS-106")
    }
    ledger = {"ledger"}
    assert found == dict.fromkeys(("OPS-105", "ops-10", "mandate", "ledg", str(ticketed)), ledger) | {
        "marisa": {"high"},
        "Prado": {"high"},
        "OPS-106": set(),
    }
    assert "Secret, number, ticket, reason or requester" in browser.get(page).content.decode()


def test_waiting_time_starts_again_with_a_revision_and_the_order_stays_q7(
    some: dict[str, Change], propose: Callable[..., Proposal], as_person: AsPerson, approver: User
) -> None:
    first, browser = some["low"], as_person(approver)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portal.changes.workflow.submission.db_now", lambda: first.created_at + timedelta(hours=2))
        submission.revise_change(first.pk, propose(identifier=first.secret, notes="Revised later"), by=first.requester)
        patch.setattr("portal.changes.forms.filters.timezone.now", lambda: first.created_at + timedelta(minutes=150))
        assert first.pk not in [row.change.pk for row in rows_of(browser, "age=1")]
        patch.setattr("portal.changes.forms.filters.timezone.now", lambda: first.created_at + timedelta(minutes=190))
        assert first.pk in [row.change.pk for row in rows_of(browser, "age=1")]
    page = browser.get(QUEUE)
    assert page.context["rows"][0].change.pk == first.pk
    row = page.content.decode().partition(f'id="row-{first.pk}"')[2].partition("</tr>")[0]
    revised = (first.created_at + timedelta(hours=2)).isoformat(timespec="seconds")
    assert f'class="ago" datetime="{revised}"' in row
    assert f"Proposed {first.created_at:%Y-%m-%d %H:%M:%S} UTC" in row


def test_row_says_that_the_change_was_revised_since_the_review_q7(
    some: dict[str, Change], propose: Callable[..., Proposal], as_person: AsPerson, approver: User, approver2: User
) -> None:
    first = some["low"]
    review.request_changes(
        first.pk,
        by=approver,
        revision=1,
        digest=first.get_current_revision().digest,
        reason="Say why",
        recent_auth=PRESENT,
    )
    submission.revise_change(first.pk, propose(identifier=first.secret, notes="Revised"), by=first.requester)
    assert "Revised since your review" in text_of(as_person(approver).get(QUEUE))
    assert "Revised since your review" not in text_of(as_person(approver2).get(QUEUE))


def test_age_counts_from_the_submission(some: dict[str, Change], as_person: AsPerson, approver: User) -> None:
    browser = as_person(approver)
    assert browser.get(QUEUE, {"age": 1}).context["rows"] == []
    later = timezone.now() + timedelta(minutes=61)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portal.changes.forms.filters.timezone.now", lambda: later)
        assert len(rows_of(browser, "age=1")) == len(some)
        assert rows_of(browser, "age=8") == []


def rows_of(browser: Client, asked: str) -> list[Any]:
    return list(browser.get(f"{QUEUE}?{asked}").context["rows"])


def test_pages_by_risk_go_on_where_they_stopped(
    some: dict[str, Change], as_person: AsPerson, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.changes.views.queue.MOST", 2)
    browser = as_person(approver)
    page = browser.get(QUEUE, {"sort": "risk"})
    assert "Next" in text_of(page).split()
    first = page.context
    page = browser.get(QUEUE, {"sort": "risk", "at": first["page"].older})
    assert "Previous" in text_of(page)
    assert not {"Newer", "Older"} & set(text_of(page).split())
    rest = page.context
    assert [row.change.secret_name for row in (*first["rows"], *rest["rows"])] == ["high", "medium", "low"]


def test_no_filter_counts_or_skips_rows(some: dict[str, Change], as_person: AsPerson, approver: User) -> None:
    browser = as_person(approver)
    with CaptureQueriesContext(connection) as asked:
        browser.get(QUEUE, {"sort": "risk", "risk": 3, "field": "notes", "requester": "r", "age": 1, "q": "h"})
    assert len(asked) <= 12
    for query in asked:
        assert "OFFSET" not in query["sql"]
        assert "COUNT(" not in query["sql"] or "LIMIT 101" in query["sql"]


def test_a_decision_leads_to_the_next_in_the_same_place(
    some: dict[str, Change], as_person: AsPerson, approver: User
) -> None:
    browser = as_person(approver)
    page = browser.get(QUEUE, {"sort": "risk", "open": some["high"].pk})
    assert page.context["following"] == some["medium"].pk
    data = {
        **as_shown_to(approver.pk, ballot_of(some["high"])),
        "from": "queue",
        "sort": "risk",
        "open": some["medium"].pk,
    }
    response = browser.post(
        reverse("changes:approve", args=[some["high"].pk]), data, headers={"HX-Request": "true"}, follow=True
    )
    assert response.context["panel"].row.change == some["medium"]
    assert response.context["asked"]["sort"] == "risk"


def test_where_the_wanted_one_is_gone_the_one_after_it_in_the_list_is_open(
    some: dict[str, Change], as_person: AsPerson, approver: User, approver2: User
) -> None:
    """By risk that is not one with a greater number."""
    medium = some["medium"]
    submission.withdraw_change(medium.pk, by=medium.requester)
    browser = as_person(approver)
    assert browser.get(QUEUE, {"sort": "risk", "open": medium.pk}).context["panel"].row.change == some["low"]
    assert browser.get(QUEUE, {"open": medium.pk}).context["panel"].row.change == some["low"]  # it was the last
    approve(some["low"], approver2)
    assert browser.get(QUEUE, {"open": some["low"].pk}).context["panel"].row.change == some["high"]


def test_a_refused_vote_puts_no_password_into_an_address(
    some: dict[str, Change], as_person: AsPerson, approver: User
) -> None:
    data = {**ballot_of(some["low"]), "from": "queue", "sort": "risk", "password": "not-the-password", "q": "l"}
    response = send(as_person(approver, minutes_ago=6), "approve", some["low"], data, **{"HX-Request": "true"})
    assert response.status_code == 422
    assert response.context["asked"].dict() == {"sort": "risk", "q": "l"}
    assert "not-the-password" not in response.content.decode()
