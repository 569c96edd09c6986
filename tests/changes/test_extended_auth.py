"""Accepted votes on changes of low and medium risk extend the last authentication; high risk asks for the password."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.domain.risks import RiskLevel
from portal.changes.models import Change, Status, Vote
from portal.changes.workflow import submission
from tests.changes.pages import ballot_of, page_of, send, text_of
from tests.changes.test_present import ASKED, asks
from tests.people import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue"), pytest.mark.shows("W07")]
AsPerson = Callable[..., Client]
PASSWORD = "approver-correct-horse"
LOW, MEDIUM, HIGH = {"notes": "x"}, {"value": "a-new-value", "tags": "y"}, {"url": "https://elsewhere.example"}


@pytest.fixture
def change_of(propose: Callable[..., Proposal], requester: User) -> Callable[..., Change]:
    """`change_of(LOW)`: a pending change of a secret of its own."""
    numbers = iter(range(60, 90))

    def submit(patch: dict[str, Any]) -> Change:
        number = next(numbers)
        mirrored(number, f"service-{number}")
        return submission.submit_change(propose(identifier=number, **patch), by=requester)

    return submit


@pytest.fixture
def browser(as_person: AsPerson, approver: User) -> Client:
    """The approver's browser, just signed in."""
    return as_person(approver)


def wait(browser: Client, minutes: float) -> None:
    """As if the person had done in this session all they did so many minutes earlier."""
    session = browser.session
    for record in (*session["account_authentication_methods"], session.get("accepted_vote")):
        if record:
            record["at"] -= 60 * minutes
    session.save()


def status_of(change: Change) -> str:
    return Change.objects.get(pk=change.pk).status


def in_bulk(browser: Client, verdict: str, *changes: Change, **given: str) -> Any:
    picks = [f"{change.pk}.1.{change.get_current_revision().digest}" for change in changes]
    return browser.post(reverse("changes:decide"), {"verdict": verdict, "picks": picks, "reason": "No", **given})


def test_three_low_risk_votes_four_minutes_apart_ask_for_no_password_and_high_risk_does_q9(
    browser: Client, change_of: Callable[..., Change]
) -> None:
    for change in (change_of(LOW), change_of(LOW), change_of(LOW)):
        wait(browser, 4)
        assert not asks(page_of(browser, change).content.decode())
        assert send(browser, "approve", change, ballot_of(change)).status_code == 302
    high = change_of(HIGH)
    assert asks(page_of(browser, high).content.decode())
    refused = send(browser, "approve", high, ballot_of(high))
    assert refused.status_code == 422
    assert ASKED in text_of(refused)
    assert "You last entered it more than 5 minutes ago." in text_of(refused)
    assert send(browser, "approve", high, ballot_of(high, password=PASSWORD)).status_code == 302


def test_high_risk_vote_six_minutes_after_the_password_asks_in_queue_and_for_every_verdict_q9(
    browser: Client, change_of: Callable[..., Change]
) -> None:
    wait(browser, 3)
    medium, high = change_of(MEDIUM), change_of(HIGH)
    assert (medium.risk, high.risk) == (RiskLevel.MEDIUM, RiskLevel.HIGH)
    assert send(browser, "approve", medium, ballot_of(medium)).status_code == 302
    wait(browser, 3)
    assert asks(browser.get("/queue/", {"open": high.pk}).content.decode())
    for verdict in ("approve", "reject", "request_changes"):
        assert send(browser, verdict, high, ballot_of(high, reason="No")).status_code == 422
    assert not Vote.objects.filter(change=high).exists()


def test_votes_extend_the_password_up_to_an_hour(browser: Client, change_of: Callable[..., Change]) -> None:
    for _ in range(14):
        wait(browser, 4)
        change = change_of(LOW)
        assert send(browser, "approve", change, ballot_of(change)).status_code == 302
    wait(browser, 4)  # 60 minutes after the password
    late = change_of(LOW)
    assert send(browser, "approve", late, ballot_of(late)).status_code == 422


def test_pause_of_five_minutes_between_votes_asks(browser: Client, change_of: Callable[..., Change]) -> None:
    first, second = change_of(LOW), change_of(LOW)
    assert send(browser, "approve", first, ballot_of(first)).status_code == 302
    wait(browser, 5.1)
    assert asks(page_of(browser, second).content.decode())
    assert send(browser, "approve", second, ballot_of(second)).status_code == 422


def test_votes_on_high_risk_and_refused_votes_extend_nothing(browser: Client, change_of: Callable[..., Change]) -> None:
    wait(browser, 4)
    high, low = change_of(HIGH), change_of(LOW)
    assert send(browser, "reject", high, ballot_of(high, reason="No")).status_code == 302
    assert send(browser, "reject", low, ballot_of(low, reason=" ")).status_code == 422
    wait(browser, 2)
    assert send(browser, "approve", low, ballot_of(low)).status_code == 422


def test_extension_is_for_votes_only(
    browser: Client, change_of: Callable[..., Change], approver: User, admin: User
) -> None:
    approver.groups.add(*admin.groups.all())
    low = change_of(LOW)
    wait(browser, 4)
    assert send(browser, "approve", low, ballot_of(low)).status_code == 302
    wait(browser, 2)
    answer = browser.post(reverse("operations:pause"), {"reason": "Maintenance"})
    assert answer.status_code == 422
    assert ASKED in text_of(answer)


def test_setting_below_the_first_limit_switches_the_extension_off(
    browser: Client, change_of: Callable[..., Change], settings: Settings
) -> None:
    settings.REAUTHENTICATION_LATEST_S = 0
    first, second = change_of(LOW), change_of(LOW)
    wait(browser, 4)
    assert send(browser, "approve", first, ballot_of(first)).status_code == 302
    wait(browser, 2)
    assert send(browser, "approve", second, ballot_of(second)).status_code == 422


def test_vote_of_another_user_in_the_session_extends_nothing(
    browser: Client, change_of: Callable[..., Change], approver2: User
) -> None:
    session = browser.session
    session["accepted_vote"] = {"user": approver2.pk, "at": time.time() + 300}
    session.save()
    wait(browser, 6)
    change = change_of(LOW)
    assert send(browser, "approve", change, ballot_of(change)).status_code == 422


def test_several_decided_at_once_extend_and_leave_high_risk_for_its_page(
    browser: Client, change_of: Callable[..., Change]
) -> None:
    wait(browser, 4)
    first, low, high = change_of(LOW), change_of(LOW), change_of(HIGH)
    assert in_bulk(browser, "approve", first).status_code == 200
    wait(browser, 2)
    answer = in_bulk(browser, "reject", low, high)
    assert "a high-risk change needs your confirmation" in text_of(answer)
    assert (status_of(low), status_of(high)) == (Status.REJECTED, Status.PENDING)


def test_wrong_password_during_the_extension_is_refused_at_its_field(
    browser: Client, change_of: Callable[..., Change]
) -> None:
    first, second = change_of(LOW), change_of(LOW)
    wait(browser, 4)
    assert send(browser, "approve", first, ballot_of(first)).status_code == 302
    wait(browser, 4)
    answer = send(browser, "approve", second, ballot_of(second, password="a wrong one"))
    assert answer.status_code == 422
    assert asks(answer.content.decode())
    assert "Incorrect password" in text_of(answer)
