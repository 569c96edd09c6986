"""Delivery as a whole pauses while calls do not get through, says so, tries one change at a time, and comes back."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connections
from django.db.models import F
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.changes.delivery import circuit_breaker, sweep, worker
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Attempt, Change, CircuitBreaker, Status
from portal.changes.transitions import db_now
from portal.changes.workflow import manual_resolution, submission
from portal.notifications import dispatch, mailer
from portal.sandbox import Sandbox
from tests.changes.pages import page_of, text_of
from tests.changes.test_status_poll import poll
from tests.changing import approve, work
from tests.people import mirrored
from tests.rig.checker import check
from tests.rig.rounds import rounds
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db
AsPerson = Callable[[User], Client]
REFUSED = "Segura's token endpoint did not answer: the connection was refused"


@pytest.fixture(autouse=True)
def as_in_production(segura: Sandbox, settings: Settings) -> None:
    settings.DELIVERY_PROBE_EVERY_S, settings.DELIVERY_BACKLOG_RATE_PER_S = 30, 5


@pytest.fixture
def five(
    segura: Sandbox, no_queue: None, propose: Callable[..., Proposal], requester: User, approver: User
) -> list[Change]:
    """Approved changes of five secrets."""
    return approved_changes(5, propose, requester, approver)


def approved_changes(count: int, propose: Callable[..., Proposal], by: User, approver: User) -> list[Change]:
    """Of as many secrets, up to nine; their base is not known, so that none is overtaken by another."""
    secrets = (12, 14, 15, 17, 18, 21, 22, 25, 26)
    for secret in secrets:
        mirrored(secret, f"secret {secret}")
    return [
        approve(
            submission.submit_change(propose(identifier=secrets[n % 9], base=None, notes=f"change {n}"), by=by),
            approver,
        )
        for n in range(count)
    ]


@contextmanager
def away(segura: Sandbox) -> Iterator[None]:
    segura.stop()
    try:
        yield
    finally:
        segura.start()


def moved_back(seconds: float) -> None:
    """The pause is as if it had begun earlier."""
    row = CircuitBreaker.objects.get()
    assert row.probe_at
    CircuitBreaker.objects.update(probe_at=row.probe_at - timedelta(seconds=seconds))


def paused(segura: Sandbox, five: list[Change]) -> None:
    with away(segura):
        for change in five:
            work(change)


def test_five_failures_in_a_row_pause_delivery_and_the_log_says_why(segura: Sandbox, five: list[Change]) -> None:
    with away(segura):
        for change in five[:4]:
            work(change)
        assert circuit_breaker.current_pause() is None
        work(five[4])
    pause = circuit_breaker.current_pause()
    assert pause is not None
    (event,) = events("delivery.paused")
    assert (event["data"]["reason"], event["data"]["alarm"]) == (REFUSED, False)


@pytest.mark.parametrize("fault", ["502", "504_before_apply", "503_no_peer", "drop_before"])
def test_updates_that_fail_count_though_readings_succeed(fault: str, segura: Sandbox, five: list[Change]) -> None:
    segura.control.plan(fault, endpoint="update", times=5)
    for change in five:
        work(change)
    assert circuit_breaker.current_pause() is not None


def test_refusals_by_segura_never_pause_and_break_a_row_of_failures(segura: Sandbox, five: list[Change]) -> None:
    segura.control.plan("502", endpoint="update", times=4)
    segura.control.plan("refuse:1006:User does not have access", endpoint="update")
    for change in five:
        work(change)
    assert five[4].status == Status.FAILED
    assert CircuitBreaker.objects.get().failures == 0
    segura.control.plan("refuse:1006:User does not have access", times=None)
    for change in five[:4]:
        work(change, rounds=3)
    assert circuit_breaker.current_pause() is None


@pytest.mark.parametrize("endpoint", ["get", "update"])
@pytest.mark.parametrize("fault", ["401", "no_route"])
def test_a_token_that_is_not_taken_twice_pauses_all_at_once_with_an_alarm(
    fault: str, endpoint: str, segura: Sandbox, five: list[Change]
) -> None:
    segura.control.plan(fault, endpoint=endpoint, times=2)
    work(five[0])
    (event,) = events("delivery.paused")
    assert (event["data"]["alarm"], event["http_status"]) == (True, 401 if fault == "401" else 404)
    assert "access token" in event["data"]["reason"]


def test_while_paused_nothing_is_taken_up_but_one_change_in_each_interval(segura: Sandbox, five: list[Change]) -> None:
    paused(segura, five)
    before = len(events("delivery.started"))
    Change.objects.update(not_before=None)
    for change in five:
        assert work(change).status == Status.APPROVED
    assert sweep.run_sweep() == []
    assert len(events("delivery.started")) == before
    moved_back(30)
    with away(segura):
        for change in five:
            work(change)
    assert len(events("delivery.started")) == before + 1


def test_a_try_for_all_costs_the_change_nothing(segura: Sandbox, five: list[Change]) -> None:
    paused(segura, five)
    tries = [change.backoff_count for change in five]
    with away(segura):
        for _ in range(20):
            moved_back(30)
            Change.objects.update(not_before=None)
            for change in five:
                work(change)
    assert [change.backoff_count for change in five] == tries


def test_what_always_fails_does_not_keep_delivery_paused_for_the_others(segura: Sandbox, five: list[Change]) -> None:
    poison = five[0]
    segura.control.plan("502", endpoint="update", identifier=str(poison.secret), times=None)
    work(poison, rounds=5)
    assert circuit_breaker.current_pause() is not None
    moved_back(30)
    (tried,) = sweep.run_sweep()
    assert tried != poison.pk
    worker.process_change(tried)
    assert circuit_breaker.current_pause() is None


def test_a_call_that_gets_through_ends_the_pause(segura: Sandbox, five: list[Change]) -> None:
    paused(segura, five)
    moved_back(30)
    Change.objects.update(not_before=None)
    assert work(five[2]).status == Status.APPLIED
    assert circuit_breaker.current_pause() is None
    (event,) = events("delivery.resumed")
    assert event["data"]["paused_at"]
    assert work(five[0]).status == Status.APPLIED


def test_a_try_that_ends_before_its_call_leaves_the_try_to_another(segura: Sandbox, five: list[Change]) -> None:
    paused(segura, five)
    moved_back(30)
    Change.objects.update(not_before=None)
    segura.control.plan("refuse:1005:Api secret not found", endpoint="get", identifier=str(five[0].secret))
    assert work(five[0]).status == Status.FAILED
    assert circuit_breaker.current_pause() is not None
    assert work(five[1]).status == Status.APPLIED


def test_every_waiting_change_and_every_list_say_that_delivery_is_paused(
    segura: Sandbox, five: list[Change], as_person: AsPerson, approver: User, requester: User, admin: User
) -> None:
    browser = as_person(approver)
    page = page_of(browser, five[0])
    assert "paused" not in text_of(page)
    paused(segura, five)
    assert "paused" in text_of(poll(browser, page)), "a page that was open already says so too"
    row = circuit_breaker.current_pause()
    assert row is not None
    for change in five:
        text = text_of(page_of(browser, change))
        assert "Delivery of all changes is paused since" in text
        assert "the connection was refused" in text
        assert "One change is tried at" in text
    lists = ((approver, "changes:queue"), (approver, "changes:all"), (requester, "changes:mine"))
    for person, view in (*lists, (admin, "catalog:secrets")):
        assert "Delivery to Segura is paused" in text_of(as_person(person).get(reverse(view))), view
    assert text_of(as_person(requester).get(reverse("changes:mine"))).count("Waiting: delivery is paused") == 5
    moved_back(30)
    Change.objects.update(not_before=None)
    work(five[0])
    assert "paused" not in text_of(page_of(browser, five[1]))


def test_a_change_in_doubt_says_so_as_well(
    segura: Sandbox, five: list[Change], as_person: AsPerson, approver: User
) -> None:
    segura.control.plan("504_before_apply", endpoint="update", times=5)
    for change in five:
        work(change)
    assert five[0].status == Status.IN_DOUBT
    assert "Delivery of all changes is paused since" in text_of(page_of(as_person(approver), five[0]))


def test_a_retry_waits_until_the_gateway_can_no_longer_repeat_the_earlier_call(
    segura: Sandbox, settings: Settings, approved: Callable[..., Change], requester: User, admin: User
) -> None:
    """Else its base may have moved, it be revised, and the replay overwrite the revision."""
    settings.DELIVERY_HOLD_S = 60
    segura.control.plan("504_before_apply", endpoint="update")
    change = work(approved())
    Change.objects.filter(pk=change.pk).update(status=Status.NEEDS_ATTENTION)
    manual_resolution.resolve_change(change.pk, by=admin, applied=False, reason="Looked", recent_auth=PRESENT)
    manual_resolution.retry_change(change.pk, by=requester, recent_auth=PRESENT)
    assert (work(change).status, Attempt.objects.count()) == (Status.APPROVED, 1)
    Change.objects.update(replay_window_until=None)
    assert work(change).status == Status.APPLIED


@pytest.mark.django_db(transaction=True)
@pytest.mark.shows("D13")
@pytest.mark.timeout(rounds(120, 900))
def test_a_backlog_waits_for_segura_and_then_goes_out_in_order_at_the_set_rate(
    segura: Sandbox,
    settings: Settings,
    no_queue: None,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
) -> None:
    every_s, rate, workers = 0.4, 20.0, 4
    settings.DELIVERY_PROBE_EVERY_S, settings.DELIVERY_BACKLOG_RATE_PER_S, settings.SWEEP_EVERY_S = every_s, rate, 0.5
    changes = approved_changes(rounds(50, 1000), propose, requester, approver)
    begun = time.monotonic()
    with away(segura):
        while time.monotonic() - begun < rounds(2, 60):
            work_on_what_is_due(workers)
        down_s = time.monotonic() - begun
    tried = len(events("delivery.started"))
    assert circuit_breaker.FAILURES < tried <= circuit_breaker.FAILURES + workers + down_s / every_s + 1
    assert Attempt.objects.count() == 0
    while Change.objects.filter(status__in=(Status.APPROVED, Status.SENDING)).exists():
        work_on_what_is_due(workers)
    assert {change.status for change in Change.objects.all()} == {Status.APPLIED}
    arrived = sorted(float(call["at"]) for call in segura.control.arrivals("update"))
    assert len(arrived) == len(changes)
    at_once = max(sum(at <= other < at + 1 for other in arrived) for at in arrived)
    assert at_once <= rate + workers
    seen = defaultdict(list)
    for application in segura.control.journal()["applications"]:
        seen[application["identifier"]].append(int(application["values"]["notes"].split()[1]))
    assert all(earlier < later for order in seen.values() for earlier, later in pairwise(order))
    check(segura.control)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(120)
def test_where_there_is_a_cap_no_more_goes_out_in_a_second_however_many_work(
    segura: Sandbox,
    settings: Settings,
    no_queue: None,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
) -> None:
    cap, workers = 5, 6
    settings.DELIVERY_RATE_PER_S, settings.SWEEP_EVERY_S = cap, 2.0
    changes = approved_changes(18, propose, requester, approver)
    while Change.objects.filter(status__in=(Status.APPROVED, Status.SENDING)).exists():
        work_on_what_is_due(workers)
    assert {change.status for change in Change.objects.all()} == {Status.APPLIED}
    started = sorted(datetime.fromisoformat(event["at"]).timestamp() for event in events("delivery.started"))
    assert len(started) == len(changes)
    assert max(sum(at <= other < at + 1 for other in started) for at in started) <= cap + 1
    assert started[-1] - started[0] > (len(changes) - 1) / cap - 1
    check(segura.control)


def test_without_a_cap_nobody_waits_for_a_turn(five: list[Change]) -> None:
    for change in five:
        work(change)
    assert not CircuitBreaker.objects.exists()


def work_on_what_is_due(workers: int) -> None:
    """One sweep, and as many workers as there are to take up what it names."""

    def one(change: int) -> None:
        try:
            worker.process_change(change)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, sweep.run_sweep()))


def test_tries_while_paused_grow_rarer_up_to_ten_intervals(segura: Sandbox, five: list[Change]) -> None:
    paused(segura, five)
    waits = []
    with away(segura):
        for _ in range(6):
            CircuitBreaker.objects.update(probe_at=F("opened_at"))
            Change.objects.update(not_before=None)
            begun = db_now()
            work(five[0])
            waits.append(round((CircuitBreaker.objects.get().probe_at - begun).total_seconds() / 30))
    assert waits == [1, 2, 4, 8, 10, 10]
    CircuitBreaker.objects.update(probe_at=F("opened_at"))
    Change.objects.update(not_before=None)
    assert work(five[0]).status == Status.APPLIED
    assert CircuitBreaker.objects.get().probes == 0


def test_pause_by_a_missing_route_names_the_route(segura: Sandbox, five: list[Change]) -> None:
    segura.control.plan("no_route", endpoint="update", times=None)
    work(five[0])
    pause = circuit_breaker.current_pause()
    assert pause is not None
    assert f"PUT api/mysafe/secretapi/update/{five[0].secret}" in pause.reason


@pytest.mark.parametrize("endpoint", ["get", "update"])
@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_administrator_is_told_which_route_is_missing(
    endpoint: str, language: str, segura: Sandbox, five: list[Change], admin: User, mailoutbox: list[object],
    settings: Settings, as_person: AsPerson,
) -> None:  # fmt: skip
    settings.EMAIL_HOST = "mail.example"
    User.objects.filter(pk=admin.pk).update(email="admin@example.com", language=language)
    segura.control.plan("no_route", endpoint=endpoint, times=None)
    work(five[0])
    dispatch.dispatch_events()
    mailer.send_due_mail()
    method, path = ("GET", "") if endpoint == "get" else ("PUT", "update/")
    words = "o gateway não tem rota para" if language == "pt-br" else "the gateway has no route for"
    inbox = text_of(as_person(admin).get(reverse("notifications:inbox"), headers={"accept-language": language}))
    for text in (inbox, " ".join(mailoutbox[0].body.split())):
        assert f"{words} {method} api/mysafe/secretapi/{path}{five[0].secret}" in text


@pytest.mark.parametrize("answer", ["notes", "share", "another secret", "500"])
@pytest.mark.parametrize("status", [Status.APPROVED, Status.IN_DOUBT])
def test_change_that_cannot_be_read_is_tried_ever_more_rarely_also_while_delivery_is_paused(
    answer: str, status: Status, segura: Sandbox, five: list[Change], settings: Settings
) -> None:
    settings.DELIVERY_BACKOFF_S = 5.0
    change = five[0]
    if status == Status.IN_DOUBT:
        segura.control.plan("504_before_apply", endpoint="update")
        assert work(change).status == Status.IN_DOUBT
    pause_delivery()
    entity = {"notes": '"notes":false', "share": '"users_allowed":[{}]', "another secret": '"identifier":"7777"'}
    body = '{"code":200,"response":{"status":200,"error":false},"api_secret_entity":{"identifier":"%s",%s}}'
    body %= (change.secret, entity.get(answer, ""))
    if answer == "500":
        body = '{"code":500,"response":{"status":500,"message":"Unexpected error.","error":true,"error_code":1}}'
    segura.control.plan(endpoint="get", times=None, status=500 if answer == "500" else 200, body=body)
    waits = []
    for _ in range(5):
        CircuitBreaker.objects.update(probe_at=F("opened_at"))
        Change.objects.update(not_before=None)
        begun = db_now()
        assert work(change).status == status
        waits.append((change.not_before - begun).total_seconds())
    assert all(later > 1.5 * earlier for earlier, later in pairwise(waits))


def pause_delivery() -> None:
    now = db_now()
    CircuitBreaker.objects.update_or_create(pk=1, defaults={"opened_at": now - timedelta(hours=1), "probe_at": now})
