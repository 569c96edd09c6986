"""A person pauses delivery: nothing goes out, everybody reads why, and only a person lets it go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
import pytest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.changes.delivery import circuit_breaker, claims, sweep
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, CircuitBreaker, Status
from portal.changes.rules.guards import (
    AlreadyPaused,
    NotAllowed,
    NotPaused,
    ReasonMissing,
    ReauthenticationRequired,
    RuleViolation,
)
from portal.changes.transitions import db_now
from portal.changes.workflow import delivery_pause, submission
from portal.sandbox import Sandbox
from tests.changes.pages import ballot_of, page_of, send, text_of
from tests.changes.test_status_poll import poll
from tests.changing import work
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db
AsPerson = Callable[[User], Client]
WHY = "Segura is being upgraded"


def test_nothing_is_taken_up_while_a_person_holds_delivery(
    segura: Sandbox, approved: Callable[..., Change], admin: User
) -> None:
    change = approved()
    delivery_pause.pause_delivery(by=admin, reason=WHY, recent_auth=PRESENT)
    assert sweep.run_sweep() == []
    assert work(change, rounds=3).status == Status.APPROVED
    assert segura.control.arrivals("update") == []
    delivery_pause.resume_delivery(by=admin, recent_auth=PRESENT)
    assert sweep.run_sweep() == [change.pk]
    assert work(change).status == Status.APPLIED
    (held,), (released,) = events("delivery.paused_by_operator"), events("delivery.resumed_by_operator")
    assert (held["actor"], held["data"]["reason"], released["actor"]) == ("admin", WHY, "admin")


def await_a_wait(worker: threading.Thread) -> None:
    """Until it waits for a row, or is done without."""
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while worker.is_alive():
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.rowcount:
                return
        time.sleep(0.01)


def test_a_claim_that_waited_for_its_row_sees_the_pause_that_began_meanwhile(
    segura: Sandbox, approved: Callable[..., Change], admin: User
) -> None:
    change, claimed = approved(), []

    def take() -> None:
        try:
            claimed.append(claims.claim_change(change.pk))
        finally:
            connections.close_all()

    worker = threading.Thread(target=take)
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as somebody:
        somebody.execute("SELECT FROM changes_change WHERE id = %s FOR UPDATE", [change.pk])
        worker.start()
        await_a_wait(worker)
        delivery_pause.pause_delivery(by=admin, reason=WHY, recent_auth=PRESENT)
    worker.join()
    assert claimed == [None]
    change.refresh_from_db()
    assert change.status == Status.APPROVED


def test_change_in_doubt_is_not_read_back_either(segura: Sandbox, approved: Callable[..., Change], admin: User) -> None:
    segura.control.plan("504_before_apply", endpoint="update")
    change = work(approved())
    assert change.status == Status.IN_DOUBT
    delivery_pause.pause_delivery(by=admin, reason=WHY, recent_auth=PRESENT)
    Change.objects.update(not_before=None)
    before = len(segura.control.arrivals("get"))
    assert work(change).status == Status.IN_DOUBT
    assert len(segura.control.arrivals("get")) == before


def test_call_that_gets_through_ends_no_pause_of_a_person(admin: User) -> None:
    circuit_breaker.record_failure(db_now(), reason="the connection was refused", alarm=True)
    delivery_pause.pause_delivery(by=admin, reason=WHY, recent_auth=PRESENT)
    circuit_breaker.record_success()
    row = CircuitBreaker.objects.get()
    assert row.paused_at
    assert row.opened_at
    assert events("delivery.resumed") == []
    CircuitBreaker.objects.update(probe_at=row.opened_at)
    assert not circuit_breaker.may_call()
    delivery_pause.resume_delivery(by=admin, recent_auth=PRESENT)
    assert circuit_breaker.current_pause() is not None
    assert circuit_breaker.may_call()
    circuit_breaker.record_success()
    assert circuit_breaker.current_pause() is None


def test_backlog_goes_out_at_the_set_rate_after_it(admin: User, settings: object) -> None:
    delivery_pause.pause_delivery(by=admin, reason=WHY, recent_auth=PRESENT)
    assert circuit_breaker.sweep_quota(db_now()) == 0
    delivery_pause.resume_delivery(by=admin, recent_auth=PRESENT)
    assert circuit_breaker.sweep_quota(db_now()) not in (0, None)


def test_every_page_of_a_waiting_change_says_who_why_and_what_ends_it(
    segura: Sandbox, approved: Callable[..., Change], admin: User, requester: User, approver: User, as_person: AsPerson
) -> None:
    change = approved()
    browser = as_person(requester)
    before = page_of(browser, change)
    assert poll(browser, before).status_code == 204
    delivery_pause.pause_delivery(by=admin, reason=WHY, recent_auth=PRESENT)
    moved = poll(browser, before)
    assert moved.status_code == 200
    for said in ("admin paused delivery of all changes", WHY, "resumes it"):
        assert said in text_of(moved)
    assert "admin paused delivery to Segura" in text_of(as_person(approver).get(reverse("changes:queue")))
    assert "Waiting: delivery is paused" in text_of(browser.get(reverse("changes:mine")))
    delivery_pause.resume_delivery(by=admin, recent_auth=PRESENT)
    assert poll(browser, moved).status_code == 200


def test_whoever_approves_meanwhile_is_told_that_it_waits(
    no_queue: None, propose: Callable[..., Proposal], requester: User, approver: User, admin: User, as_person: AsPerson
) -> None:
    change = submission.submit_change(propose(), by=requester)
    delivery_pause.pause_delivery(by=admin, reason=WHY, recent_auth=PRESENT)
    browser = as_person(approver)
    send(browser, "approve", change, ballot_of(change))
    assert f"You approved {change.reference}. Delivery is paused" in text_of(page_of(browser, change))


@pytest.mark.parametrize(
    ("reason", "fresh", "rule"),
    [("  ", True, ReasonMissing), (WHY, False, ReauthenticationRequired)],
)
def test_pause_takes_a_reason_and_a_person_who_is_there(
    reason: str, fresh: bool, rule: type[RuleViolation], admin: User
) -> None:
    with pytest.raises(rule):
        delivery_pause.pause_delivery(by=admin, reason=reason, recent_auth=RecentAuth(fresh=fresh))
    assert circuit_breaker.current_pause() is None


def test_only_who_operates_the_portal_pauses_and_resumes(requester: User, approver: User, admin: User) -> None:
    for person in (requester, approver):
        with pytest.raises(NotAllowed):
            delivery_pause.pause_delivery(by=person, reason=WHY, recent_auth=PRESENT)
    delivery_pause.pause_delivery(by=admin, reason=WHY, recent_auth=PRESENT)
    with pytest.raises(NotAllowed):
        delivery_pause.resume_delivery(by=approver, recent_auth=PRESENT)
    with pytest.raises(ReauthenticationRequired):
        delivery_pause.resume_delivery(by=admin, recent_auth=RecentAuth(fresh=False))
    assert circuit_breaker.current_pause() is not None


def test_second_click_changes_nothing_and_is_told_so(admin: User) -> None:
    delivery_pause.pause_delivery(by=admin, reason=WHY, recent_auth=PRESENT)
    with pytest.raises(AlreadyPaused):
        delivery_pause.pause_delivery(by=admin, reason="Another one", recent_auth=PRESENT)
    assert CircuitBreaker.objects.get().pause_reason == WHY
    delivery_pause.resume_delivery(by=admin, recent_auth=PRESENT)
    with pytest.raises(NotPaused):
        delivery_pause.resume_delivery(by=admin, recent_auth=PRESENT)
    assert (len(events("delivery.paused_by_operator")), len(events("delivery.resumed_by_operator"))) == (1, 1)
