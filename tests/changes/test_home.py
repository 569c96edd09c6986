"""Where people land, and which ways the navigation shows them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import Role, add_to_role
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import submission
from tests.changes.pages import text_of
from tests.people import person

R, A, U, O = Role.REQUESTER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR  # noqa: E741


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("granted", "landing"),
    [
        ([A], "changes:queue"),
        ([U], "audit:overview"),
        ([O], "operations:delivery"),
        ([U, O], "audit:overview"),
    ],
)
def test_person_lands_where_their_work_waits(client: Client, granted: list[Role], landing: str) -> None:
    client.force_login(person("maria", *granted))
    response = client.get("/")
    assert response.headers["Location"] == reverse(landing)
    assert client.get(response.headers["Location"]).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("granted", "views"),
    [
        ([R], ["home", "changes:mine", "catalog:secrets"]),
        ([A], ["changes:queue", "catalog:secrets", "changes:all"]),
        ([U], ["changes:all", "audit:overview", "audit:events"]),
        ([O], ["catalog:secrets", "changes:all", "operations:delivery"]),
        ([], []),
    ],
)
def test_navigation_shows_only_what_opens(client: Client, granted: list[Role], views: list[str]) -> None:
    client.force_login(person("maria", *granted))
    page = client.get("/accounts/password/change/").content.decode()
    navigation = page.split("<nav", 2)[1].split("</nav>")[0]
    links = re.findall(r'<a href="([^"]+)"', navigation)
    assert links == [reverse(view) for view in views]
    for link in links:
        assert client.get(link).status_code == 200


@pytest.mark.django_db
def test_person_without_a_right_reads_whom_to_ask(client: Client) -> None:
    helper = person("helper", O)
    helper.first_name, helper.last_name = "Hanna", "Lindt"
    helper.save()
    client.force_login(person("maria"))
    page = client.get("/").content.decode()
    assert "have no right yet" in page
    assert "Hanna Lindt" in page


@pytest.mark.django_db
def test_signed_out_person_is_led_to_sign_in(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/accounts/login/?next=/"


AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]


def ended(change: Change, status: Status, **columns: Any) -> Change:
    Change.objects.filter(pk=change.pk).update(status=status, closed_at=timezone.now(), **columns)
    return change


@pytest.mark.django_db
def test_requester_without_changes_is_led_to_a_secret(as_person: AsPerson, requester: User) -> None:
    page = as_person(requester).get("/")
    assert "No open changes" in text_of(page)
    assert f'href="{reverse("catalog:secrets")}"' in page.content.decode()


@pytest.mark.django_db
def test_requester_reads_who_acts_next_and_what_is_missing(
    as_person: AsPerson, requester: User, approver: User, propose: Propose
) -> None:
    pending = submission.submit_change(propose(), by=requester)
    stale = submission.submit_change(propose(), by=requester)
    Change.objects.filter(pk=stale.pk).update(status=Status.STALE)
    words = text_of(as_person(requester).get("/"))
    needs_you, in_progress = words.split("Needs you 1")[1].split("In progress")
    assert stale.reference in needs_you
    assert "Next step: You" in needs_you
    assert pending.reference in in_progress
    assert "1 more approval needed" in in_progress
    assert "It expires at" not in words


@pytest.mark.django_db
def test_home_shows_the_deadline_in_the_last_three_days(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    for days, shown in ((2, True), (4, False)):
        Change.objects.update(expires_at=timezone.now() + timedelta(days=days))
        assert ("It expires at" in text_of(as_person(requester).get("/"))) is shown


@pytest.mark.django_db
def test_home_names_no_deadline_of_a_closed_change(as_person: AsPerson, requester: User, submitted: Change) -> None:
    now = timezone.now()
    Change.objects.update(status=Status.EXPIRED, expires_at=now, closed_at=now)
    words = text_of(as_person(requester).get("/"))
    assert submitted.reference in words
    assert "It expires at" not in words


@pytest.mark.django_db
def test_requester_reads_what_was_decided_and_proposes_again_from_there(
    as_person: AsPerson, requester: User, requester2: User, propose: Propose
) -> None:
    rejected = ended(submission.submit_change(propose(), by=requester), Status.REJECTED)
    applied = ended(submission.submit_change(propose(), by=requester), Status.APPLIED, last_http_status=201)
    foreign = ended(submission.submit_change(propose(), by=requester2), Status.REJECTED)
    page = as_person(requester).get("/")
    assert "Recently closed" in text_of(page)
    assert foreign.reference not in text_of(page)
    markup = page.content.decode()
    assert f"/secrets/43/propose/?like={rejected.pk}" in markup
    assert f"?like={applied.pk}" not in markup


@pytest.mark.django_db
def test_who_also_decides_reads_how_many_wait_for_them(
    as_person: AsPerson, requester: User, requester2: User, propose: Propose
) -> None:
    submission.submit_change(propose(), by=requester2)
    add_to_role(requester, Role.APPROVER)
    page = as_person(requester).get("/")
    assert "Changes that need your review: 1" in text_of(page)
    assert f'href="{reverse("changes:queue")}"' in page.content.decode()


@pytest.mark.django_db
def test_home_takes_as_many_queries_for_one_change_as_for_many(
    as_person: AsPerson, requester: User, propose: Propose, django_assert_max_num_queries: Any
) -> None:
    add_to_role(requester, Role.APPROVER)
    for number in range(30):
        change = submission.submit_change(propose(url=f"https://gcp-{number}.example"), by=requester)
        if number % 2:
            ended(change, Status.REJECTED)
        else:
            Change.objects.filter(pk=change.pk).update(status=Status.APPROVED)  # delivery may be paused: one more
    browser = as_person(requester)
    with django_assert_max_num_queries(12):
        assert "All my changes" in text_of(browser.get("/"))
