"""The page of delivery: what runs, what waits, what needs a person, and the pause by hand."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.delivery import circuit_breaker
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status, StatusCause
from portal.changes.workflow import delivery_pause, submission
from portal.devserver.redis_server import free_port
from portal.operations import heartbeats
from portal.operations.delivery_status import SHOWN
from tests.changes.pages import edited_by
from tests.changing import approve
from tests.people import mirrored
from tests.rig.redis import redis_server
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
PAGE = "operations:delivery"


@pytest.fixture(autouse=True)
def silence(settings: Settings) -> None:
    """Nobody has left word yet."""
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.flushdb()


def text_of(response: HttpResponse) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def shown(browser: Client) -> str:
    response = browser.get(reverse(PAGE))
    assert response.status_code == 200
    return text_of(response)


def at_work() -> None:
    heartbeats.record_heartbeat("celery@one", ["celery"])
    heartbeats.record_sweep()


def test_page_without_problems_is_one_sentence_and_the_tiles_op2(as_person: AsPerson, admin: User) -> None:
    at_work()
    page = as_person(admin).get(reverse(PAGE))
    for said in ("No change needs action.", "Delivering", "Oldest pending None", "Last sweep"):
        assert said in text_of(page)
    assert "<table" not in page.content.decode()


def test_unsent_unknown_and_unapprovable_changes_are_listed_once_they_wait_too_long(
    as_person: AsPerson, admin: User, propose: Callable[..., Proposal], submitted: Change, settings: Settings
) -> None:
    mirrored(44, "unsent")
    mirrored(45, "unknown")
    unsent, unknown = (
        submission.submit_change(propose(identifier=number, notes="n"), by=submitted.requester) for number in (44, 45)
    )
    now = timezone.now()
    Change.objects.filter(pk=unsent.pk).update(status=Status.APPROVED, queued_at=now - timedelta(seconds=60))
    Change.objects.filter(pk=unknown.pk).update(status=Status.IN_DOUBT, in_doubt_since=now - timedelta(seconds=60))
    listed = shown(as_person(admin)).partition("Needs action")[2].partition("Oldest pending")[0]
    assert "Too few users may approve this. Nothing is sent." in listed  # there is no approver at all
    assert submitted.reference in listed
    assert unsent.reference not in listed
    assert unknown.reference not in listed
    settings.OPERATIONS_UNSENT_AFTER_S = settings.OPERATIONS_UNKNOWN_AFTER_S = 30
    listed = shown(as_person(admin)).partition("Needs action")[2].partition("Oldest pending")[0]
    assert unsent.reference in listed
    assert unknown.reference in listed


def test_broker_that_is_not_reachable_is_said_and_hangs_no_page(
    as_person: AsPerson, admin: User, settings: Settings
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert "The broker (Redis) is not reachable." in shown(as_person(admin))


def test_broker_that_is_frozen_costs_the_page_a_second(
    as_person: AsPerson, admin: User, settings: Settings, tmp_path: Path
) -> None:
    browser = as_person(admin)
    with redis_server(tmp_path) as server:
        settings.REDIS_URL = server.url
        server.freeze()
        begun = time.monotonic()
        assert "The broker (Redis) is not reachable." in shown(browser)
    assert time.monotonic() - begun < 2 * heartbeats.PATIENCE_S + 2


def test_worker_that_is_silent_for_long_is_named_and_one_that_ended_is_not(
    as_person: AsPerson, admin: User, settings: Settings
) -> None:
    browser = as_person(admin)
    assert "No worker takes up changes." in shown(browser)
    at_work()
    heartbeats.record_heartbeat("celery@two", ["celery"])
    heartbeats.record_heartbeat("sealer@three", ["sealing"])
    heartbeats.forget_worker("celery@two")
    page = shown(browser)
    assert "celery@one" in page
    assert "celery@two" not in page
    settings.WORKER_STUCK_AFTER_S = -1
    page = shown(browser)
    assert "celery@one Not responding" in page
    assert "No worker takes up changes." in page


def test_only_a_worker_of_deliveries_delivers(as_person: AsPerson, admin: User) -> None:
    heartbeats.record_heartbeat("sealer@three", ["sealing"])
    assert "No worker takes up changes." in shown(as_person(admin))


def test_sweep_that_stays_away_is_said(as_person: AsPerson, admin: User, settings: Settings) -> None:
    at_work()
    assert "The scheduled sweep is not running." not in shown(as_person(admin))
    settings.SWEEP_EVERY_S = -10
    assert "The scheduled sweep is not running." in shown(as_person(admin))


def test_messages_in_line_are_counted_by_queue(as_person: AsPerson, admin: User, settings: Settings) -> None:
    at_work()
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.rpush("celery", "one", "two")
    assert "2 delivery and lists 0 audit log" in shown(as_person(admin))


def test_oldest_waiting_and_oldest_approved_are_linked(
    as_person: AsPerson,
    admin: User,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    submitted: Change,
) -> None:
    mirrored(44, "other")
    later = submission.submit_change(propose(identifier=44, notes="later"), by=requester)
    first, second = (
        approve(submission.submit_change(propose(identifier=44, notes=f"{n}"), by=requester), approver)
        for n in range(2)
    )
    Change.objects.filter(pk=second.pk).update(queued_at=timezone.now() - timedelta(hours=3))
    page = shown(as_person(admin))
    assert f"Oldest pending {submitted.reference} ·" in page
    assert f"Oldest approved, not sent {second.reference} · 3 h" in page
    assert later.reference not in page
    assert first.reference not in page


def test_changes_that_need_a_person_offer_what_may_be_done_and_by_whom(
    as_person: AsPerson, admin: User, requester: User, submitted: Change, propose: Callable[..., Proposal]
) -> None:
    roles.add_to_role(admin, Role.REQUESTER)
    mirrored(44, "own")
    own = submission.submit_change(propose(identifier=44, notes="own"), by=admin)
    mirrored(45, "edited")
    edited = submission.submit_change(propose(identifier=45, notes="edited"), by=requester)
    edited_by(admin, edited)
    Change.objects.update(status=Status.NEEDS_ATTENTION, cause=StatusCause.THIRD_VALUE)
    page = as_person(admin).get(reverse(PAGE))
    address = reverse("changes:change", args=[submitted.pk])
    for anchor in ("#check", "#by-hand"):
        assert f'href="{address}{anchor}"' in page.content.decode()
    assert "neither the old nor the proposed one" in text_of(page)
    for each in (own, edited):
        own_address = reverse("changes:change", args=[each.pk])
        there = as_person(admin).get(own_address).content.decode()
        for anchor in ("check", "by-hand"):
            assert f"{own_address}#{anchor}" not in page.content.decode()
            assert f'id="{anchor}"' not in there
    assert text_of(page).count("Your own change; someone else must act") == 2


def test_what_the_page_offers_is_there_where_it_leads(as_person: AsPerson, admin: User, submitted: Change) -> None:
    Change.objects.update(status=Status.NEEDS_ATTENTION, cause=StatusCause.THIRD_VALUE)
    page = as_person(admin).get(reverse("changes:change", args=[submitted.pk])).content.decode()
    assert 'id="check"' in page
    assert 'id="by-hand"' in page


def test_failed_changes_are_listed_while_they_can_be_retried_op1(
    as_person: AsPerson, admin: User, submitted: Change, approver: User, propose: Callable[..., Proposal]
) -> None:
    mirrored(44, "old")
    mirrored(45, "unapproved")
    old, unapproved = (
        submission.submit_change(propose(identifier=number, notes="n"), by=submitted.requester) for number in (44, 45)
    )
    approve(submitted, approver)
    approve(old, approver)
    Change.objects.update(status=Status.FAILED, closed_at=timezone.now(), cause=StatusCause.REFUSED)
    Change.objects.filter(pk=old.pk).update(closed_at=timezone.now() - timedelta(days=8))
    browser = as_person(admin)
    page = browser.get(reverse(PAGE))
    retry = f"{reverse('changes:change', args=[submitted.pk])}#again"
    assert f'href="{retry}"' in page.content.decode()
    assert 'id="again"' in browser.get(retry).content.decode()
    assert old.reference not in text_of(page)
    assert unapproved.reference in text_of(page)
    assert text_of(page).count("Its approvals no longer count") == 1


def test_page_costs_the_same_however_much_is_open(
    as_person: AsPerson,
    admin: User,
    propose: Callable[..., Proposal],
    requester: User,
    django_assert_max_num_queries: Any,
) -> None:
    delivery_pause.pause_delivery(by=admin, reason="Many", recent_auth=PRESENT)
    for n in range(60):
        mirrored(100 + n, f"secret {n}")
        submission.submit_change(propose(identifier=100 + n, base=None, notes="open"), by=requester)
    Change.objects.filter(secret__lt=130).update(status=Status.NEEDS_ATTENTION)
    Change.objects.filter(secret__gte=130).update(
        status=Status.IN_DOUBT, in_doubt_since=timezone.now() - timedelta(hours=1)
    )
    browser = as_person(admin)
    browser.get(reverse(PAGE))  # the first visit is on record
    with django_assert_max_num_queries(12):
        page = browser.get(reverse(PAGE))
    assert page.content.decode().count("#check") == 30
    assert page.content.decode().count("<table") == 1
    assert "More changes with status" not in text_of(page)


@pytest.mark.parametrize(
    ("status", "link", "other"),
    [
        (Status.NEEDS_ATTENTION, "Needs an administrator", "Outcome unknown"),
        (Status.IN_DOUBT, "Outcome unknown", "Needs an administrator"),
        (Status.FAILED, "Failed", "Outcome unknown"),
    ],
)
def test_what_is_beyond_the_first_fifty_of_a_list_is_linked(
    as_person: AsPerson,
    admin: User,
    propose: Callable[..., Proposal],
    requester: User,
    status: Status,
    link: str,
    other: str,
) -> None:
    for n in range(SHOWN + 1):
        mirrored(100 + n, f"secret {n}")
        submission.submit_change(propose(identifier=100 + n, base=None, notes="open"), by=requester)
    now = timezone.now()
    Change.objects.update(status=status, in_doubt_since=now - timedelta(hours=1), closed_at=now)
    browser = as_person(admin)
    page = browser.get(reverse(PAGE))
    assert f"More changes with status {link}" in text_of(page)
    assert f"More changes with status {other}" not in text_of(page)
    address = f"{reverse('changes:all')}?status={status.value}"
    assert f'href="{address}"' in page.content.decode()
    assert "CR-" in text_of(browser.get(address))


def test_both_lists_overfull_cost_twelve_questions_at_most(
    as_person: AsPerson, admin: User, propose: Callable[..., Proposal], requester: User
) -> None:
    for n in range(2 * SHOWN + 4):
        mirrored(100 + n, f"secret {n}")
        submission.submit_change(propose(identifier=100 + n, base=None, notes="open"), by=requester)
    stuck = Change.objects.order_by("pk").values_list("pk", flat=True)[: SHOWN + 2]
    Change.objects.update(status=Status.IN_DOUBT, in_doubt_since=timezone.now() - timedelta(hours=1))
    Change.objects.filter(pk__in=list(stuck)).update(status=Status.NEEDS_ATTENTION)
    browser = as_person(admin)
    with CaptureQueriesContext(connection) as asked:
        page = text_of(browser.get(reverse(PAGE)))
    assert "More changes with status Needs an administrator" in page
    assert "More changes with status Outcome unknown" in page
    questions = [query["sql"] for query in asked if query["sql"].lstrip().startswith("SELECT")]
    assert len(questions) <= 12, "\n".join(sql[:160] for sql in questions)


def test_pause_needs_a_reason_and_can_be_resumed_op3(as_person: AsPerson, admin: User) -> None:
    browser = as_person(admin)
    answer = browser.post(reverse("operations:pause"), {"reason": "Upgrade of Segura"}, follow=True)
    assert answer.redirect_chain == [(reverse(PAGE), 302)]
    assert "admin paused delivery to Segura" in text_of(answer)
    assert "Upgrade of Segura" in text_of(answer)
    again = browser.post(reverse("operations:pause"), {"reason": "Another"})
    assert again.status_code == 409
    assert "Delivery is already paused" in text_of(again)
    browser.post(reverse("operations:resume"))
    assert circuit_breaker.current_pause() is None
    late = browser.post(reverse("operations:resume"))
    assert late.status_code == 409
    assert "Delivery is not paused" in text_of(late)
    (held,) = events("delivery.paused_by_operator")
    assert held["data"]["signed_in_with"] == ["password"]


@pytest.mark.parametrize("sent", [{"reason": ""}, {"reason": "x" * 501}, {}])
def test_pause_without_a_usable_reason_names_the_field(as_person: AsPerson, admin: User, sent: dict[str, str]) -> None:
    answer = as_person(admin).post(reverse("operations:pause"), sent)
    assert answer.status_code == 422
    assert 'href="#pause-reason"' in answer.content.decode()
    assert circuit_breaker.current_pause() is None


def test_who_signed_in_long_ago_gives_the_password_and_loses_nothing_typed(as_person: AsPerson, admin: User) -> None:
    browser = as_person(admin, minutes_ago=6)
    answer = browser.post(reverse("operations:pause"), {"reason": "Upgrade of Segura"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'id="pause-password"' in page
    assert "Upgrade of Segura" in page
    assert circuit_breaker.current_pause() is None
    sent = {"reason": "Upgrade of Segura", "password": "admin-correct-horse"}
    assert browser.post(reverse("operations:pause"), sent).status_code == 302
    assert circuit_breaker.current_pause() is not None
