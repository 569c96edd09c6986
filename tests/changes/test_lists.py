"""My changes, and all changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import submission
from tests.changes.pages import text_of
from tests.people import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]
MINE, ALL = "/changes/mine/", "/changes/"


def numbers(response: Any, name: str = "") -> list[int]:
    rows = response.context[name]["rows"] if name else response.context["rows"]
    return [row.change.pk for row in rows]


def test_mine_holds_own_changes_open_first(
    as_person: AsPerson, requester: User, requester2: User, approver: User, propose: Propose
) -> None:
    ended, first, second = (submission.submit_change(propose(), by=requester) for _ in range(3))
    submission.withdraw_change(ended.pk, by=requester)
    submission.submit_change(propose(), by=requester2)
    response = as_person(requester).get(MINE)
    assert numbers(response, "open") == [second.pk, first.pk]
    assert numbers(response, "ended") == [ended.pk]
    assert "1 more approval needed" in text_of(response)


def test_mine_is_empty_with_a_way_on(as_person: AsPerson, requester: User) -> None:
    response = as_person(requester).get(MINE)
    assert "No open changes" in text_of(response)
    assert reverse("catalog:secrets") in response.content.decode()


def test_both_lists_of_mine_are_paged_on_their_own(
    as_person: AsPerson, requester: User, propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.changes.views.lists._SIZE", 2)
    changes = [submission.submit_change(propose(), by=requester) for _ in range(6)]
    for change in changes[:3]:
        submission.withdraw_change(change.pk, by=requester)
    browser = as_person(requester)
    page = browser.get(MINE)
    rest = browser.get(MINE, {"at": page.context["ended"]["page"].older})
    assert numbers(rest, "open") == numbers(page, "open")
    assert numbers(page, "ended") + numbers(rest, "ended") == [change.pk for change in reversed(changes[:3])]


def test_who_may_see_the_lists(
    as_person: AsPerson, requester: User, approver: User, auditor: User, admin: User
) -> None:
    assert [as_person(person).get(ALL).status_code for person in (approver, auditor, admin)] == [200, 200, 200]
    assert as_person(auditor).get(MINE).status_code == 403


def test_all_is_narrowed_by_status_requester_and_secret(
    as_person: AsPerson, auditor: User, requester: User, requester2: User, propose: Propose
) -> None:
    mirrored(44, "AWS")
    first = submission.submit_change(propose(), by=requester)
    second = submission.submit_change(propose(identifier=44), by=requester2)
    third = submission.submit_change(propose(), by=requester)
    submission.withdraw_change(first.pk, by=requester)
    browser = as_person(auditor)
    for asked, found in (
        ({}, [third, second, first]),
        ({"status": "withdrawn"}, [first]),
        ({"status": "open"}, [third, second]),
        ({"requester": "REQUESTER2"}, [second]),
        ({"q": "gcp", "status": "pending"}, [third]),
        ({"q": second.reference}, [second]),
        ({"q": "endpoint moves to the EU", "requester": "requester2"}, [second]),
        ({"risk": "3", "days": "1"}, [third, second, first]),
        ({"risk": "1"}, []),
        ({"q": "nothing"}, []),
    ):
        assert numbers(browser.get(ALL, asked)) == [change.pk for change in found], asked


def test_requester_who_opens_all_changes_is_led_to_their_own(as_person: AsPerson, requester: User) -> None:
    found = as_person(requester).get(ALL, {"status": "failed"})
    assert found.headers["Location"] == f"{MINE}?status=failed"


def test_a_status_that_does_not_exist_is_said_at_its_field(
    as_person: AsPerson, auditor: User, submitted: Change
) -> None:
    response = as_person(auditor).get(ALL, {"status": "nonsense"})
    assert numbers(response) == [submitted.pk]
    assert "nonsense is not one of the available choices" in text_of(response)


def test_filters_stay_while_paging(
    as_person: AsPerson, auditor: User, requester: User, propose: Propose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.changes.views.lists._SIZE", 1)
    for _ in range(2):
        submission.submit_change(propose(), by=requester)
    assert "requester=requester&amp;at=" in as_person(auditor).get(ALL, {"requester": "requester"}).content.decode()


def test_lists_ask_as_much_for_many_rows_as_for_one(
    as_person: AsPerson, requester: User, auditor: User, propose: Propose, django_assert_max_num_queries: Any
) -> None:
    for index in range(6):
        submission.submit_change(propose(), by=requester)
        if index in (0, 5):
            for person, address in ((requester, MINE), (auditor, ALL)):
                browser = as_person(person)
                with django_assert_max_num_queries(12):
                    browser.get(address)
