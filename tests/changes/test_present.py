"""Whoever decides has shown within minutes that it is them: asked in place, nothing typed is lost, the log says how."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.delivery import claims, status_changes
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status, StatusCause, Vote
from portal.changes.workflow import submission
from tests.changes.pages import ballot_of, page_of, send, text_of
from tests.changes.test_change_acts import failed
from tests.changing import approve
from tests.people import show_presence
from tests.segura import events

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_queue"),
    pytest.mark.shows("W07"),
]
AsPerson = Callable[..., Client]
PASSWORD = "approver-correct-horse"
LATE = 301 / 60
"""Minutes since the last sign-in, one second too many."""
ASKED = "Enter your password to confirm."


def asks(page: str) -> bool:
    return bool(re.search(r'<input[^>]*type="password"[^>]*name="password"|name="password"[^>]*type="password"', page))


@pytest.fixture(autouse=True)
def no_guesses_yet(db: None) -> None:
    """The counters of wrong passwords are in a table that belongs to no model, so that no test empties it."""
    cache.clear()


@pytest.fixture
def late(as_person: AsPerson, approver: User) -> Client:
    """The approver's browser, five minutes and a second after signing in."""
    return as_person(approver, minutes_ago=LATE)


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_a_vote_301_seconds_after_signing_in_asks_for_the_password_and_keeps_the_comment(
    verdict: str, late: Client, submitted: Change
) -> None:
    assert asks(page_of(late, submitted).content.decode())
    answer = send(late, verdict, submitted, ballot_of(submitted, reason="I have compared each field"))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert asks(page)
    assert ASKED in text_of(answer)
    assert "I have compared each field" in page
    assert not Vote.objects.exists()
    again = send(late, verdict, submitted, ballot_of(submitted, reason="I have compared each field", password=PASSWORD))
    assert again.status_code == 302
    assert Vote.objects.get().reason == "I have compared each field"


@pytest.mark.parametrize("minutes_ago", [0, 285 / 60, -1])
def test_within_five_minutes_nobody_is_asked(
    minutes_ago: float, as_person: AsPerson, approver: User, submitted: Change
) -> None:
    """Also where the clocks of two machines differ a little."""
    browser = as_person(approver, minutes_ago=minutes_ago)
    assert not asks(page_of(browser, submitted).content.decode())
    assert send(browser, "approve", submitted, ballot_of(submitted)).status_code == 302


def test_a_clock_set_back_makes_nobody_present(as_person: AsPerson, approver: User, submitted: Change) -> None:
    browser = as_person(approver, minutes_ago=-60)
    assert send(browser, "approve", submitted, ballot_of(submitted)).status_code == 422


def test_a_session_that_knows_of_no_sign_in_is_asked(client: Client, approver: User, submitted: Change) -> None:
    client.force_login(approver)
    assert send(client, "approve", submitted, ballot_of(submitted)).status_code == 422


def test_the_record_of_somebody_else_in_the_session_counts_for_nothing(
    client: Client, approver: User, approver2: User, submitted: Change
) -> None:
    client.force_login(approver)
    show_presence(client, approver2)
    assert send(client, "approve", submitted, ballot_of(submitted)).status_code == 422


def test_the_queue_asks_in_its_panel_with_and_without_htmx(late: Client, submitted: Change) -> None:
    queue = reverse("changes:queue")
    assert asks(late.get(queue).content.decode())
    ballot = ballot_of(submitted, reason="Typed in the panel") | {"from": "queue", "q": "gcp"}
    answer = send(late, "approve", submitted, ballot, **{"HX-Request": "true"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'id="desk"' in page
    assert "<html" not in page
    assert "Typed in the panel" in page
    assert asks(page)
    answer = send(late, "approve", submitted, {**ballot, "password": PASSWORD}, **{"HX-Request": "true"})
    assert answer.headers["Location"].startswith(queue)


def test_a_wrong_password_decides_nothing_is_never_shown_again_and_is_in_the_log(
    late: Client, submitted: Change
) -> None:
    ballot = ballot_of(submitted, reason="Kept", password="a-wrong-canary")
    answer = send(late, "approve", submitted, ballot)
    assert answer.status_code == 422
    assert "a-wrong-canary" not in answer.content.decode()
    assert "Kept" in answer.content.decode()
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not Vote.objects.exists()
    (refused,) = events("session.failed")
    assert (refused["actor"], refused["data"]["reason"]) == ("approver", "wrong name or password")
    assert not [event for event in Event.objects.all() if "canary" in event.text]


def test_guesses_at_the_ballot_meet_the_limits_of_signing_in(late: Client, submitted: Change) -> None:
    for _ in range(5):
        send(late, "approve", submitted, ballot_of(submitted, password="a wrong guess"))
    answer = send(late, "approve", submitted, ballot_of(submitted, password=PASSWORD))
    assert "Too many failed attempts. Try again at " in text_of(answer)
    assert not Vote.objects.exists()
    assert events("session.failed")[-1]["data"]["reason"] == "too many attempts"


def test_the_right_password_counts_for_five_minutes_and_not_for_this_vote_alone(
    late: Client, submitted: Change
) -> None:
    answer = send(late, "reject", submitted, ballot_of(submitted, reason="  ", password=PASSWORD))
    assert answer.status_code == 422
    assert not asks(answer.content.decode())
    assert send(late, "reject", submitted, ballot_of(submitted, reason="No")).status_code == 302


def test_the_same_vote_sent_again_is_told_that_it_stands(late: Client, submitted: Change) -> None:
    ballot = ballot_of(submitted, password=PASSWORD)
    assert send(late, "approve", submitted, ballot).status_code == 302
    again = send(late, "approve", submitted, ballot)
    assert again.status_code == 409
    assert "You have already approved" in text_of(again)
    assert Vote.objects.count() == 1


@pytest.mark.shows("W09")
def test_the_session_has_a_new_id_after_the_password_and_the_old_one_is_dead(late: Client, submitted: Change) -> None:
    old = late.cookies["session"].value
    send(late, "approve", submitted, ballot_of(submitted, password=PASSWORD))
    assert late.cookies["session"].value != old
    assert page_of(late, submitted).status_code == 200
    thief = Client()
    thief.cookies["session"] = old
    assert page_of(thief, submitted).status_code == 302


def test_nobody_is_asked_for_a_password_where_their_vote_would_not_count(
    as_person: AsPerson, late: Client, approver2: User, submitted: Change
) -> None:
    ballot = ballot_of(submitted)
    send(as_person(approver2), "approve", submitted, ballot)
    answer = send(late, "approve", submitted, ballot)
    assert answer.status_code == 409
    assert "has changed since you opened it" in text_of(answer)


def test_the_log_says_how_the_voter_had_signed_in(late: Client, submitted: Change) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    send(late, "approve", submitted, ballot_of(submitted, password=PASSWORD))
    (cast,) = events("vote.cast")
    assert cast["data"]["signed_in_with"] == ["password"]
    signed_in = datetime.fromisoformat(cast["data"]["signed_in_at"])
    shown = datetime.fromisoformat(cast["data"]["presence_shown_at"])
    assert timedelta(seconds=300) < shown - signed_in < timedelta(seconds=360)
    assert shown >= before
    (confirmed,) = events("session.reauthenticated")
    assert (confirmed["actor"], confirmed["address"]) == ("approver", cast["address"])


def needs_attention(change: Change, approver: User) -> None:
    approve(change, approver)
    taken = claims.claim_change(change.pk)
    assert taken is not None
    status_changes.escalate_to_operator(taken, StatusCause.THIRD_VALUE)


@pytest.mark.parametrize(
    ("act", "form", "event"),
    [
        ("recheck", {}, "change.rechecked"),
        ("resolve", {"applied": "yes", "reason": "I looked at it"}, "change.resolved"),
    ],
)
def test_what_the_machine_cannot_settle_needs_a_person_who_is_there(
    act: str, form: dict[str, str], event: str, as_person: AsPerson, admin: User, approver: User, submitted: Change
) -> None:
    needs_attention(submitted, approver)
    browser = as_person(admin, minutes_ago=LATE)
    answer = send(browser, act, submitted, form)
    assert answer.status_code == 422
    assert ASKED in text_of(answer)
    assert form.get("reason", "") in answer.content.decode()
    assert Change.objects.get(pk=submitted.pk).status == Status.NEEDS_ATTENTION
    assert send(browser, act, submitted, {**form, "password": "admin-correct-horse"}).status_code == 302
    assert events(event)[-1]["data"]["signed_in_with"] == ["password"]


def test_a_retry_needs_a_person_who_is_there(
    as_person: AsPerson, approver: User, requester: User, submitted: Change
) -> None:
    failed(submitted, approver)
    browser = as_person(requester, minutes_ago=LATE)
    assert send(browser, "retry", submitted).status_code == 422
    assert Change.objects.get(pk=submitted.pk).status == Status.FAILED
    assert send(browser, "retry", submitted, {"password": "requester-correct-horse"}).status_code == 302


def test_no_value_is_looked_at_before_the_person_is_there(
    as_person: AsPerson, approver: User, requester: User, propose: Callable[..., Proposal]
) -> None:
    change = submission.submit_change(propose(value="the approved one"), by=requester)
    failed(change, approver)
    browser = as_person(requester, minutes_ago=LATE)
    answer = send(browser, "retry", change, {"value": "canary of a guess"})
    assert answer.status_code == 422
    assert "canary of a guess" not in answer.content.decode()
    assert not Event.objects.filter(action="change.retry_refused").exists()
