"""Search over everything: what a word finds, for whom, and how many rows it reads."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision
from portal.changes.models import change as change_model
from portal.changes.models.comment import Comment
from portal.changes.workflow import submission
from tests.bench import plans
from tests.changes.pages import text_of
from tests.people import GCP, mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
Propose = Callable[..., Proposal]
MANY, SEARCHED = 3000, 100
ROWS_OF_ONE = 8
"""Rows that the search may read for one change: its id, itself, its revision and its comments, and what is shown."""


@pytest.fixture
def ticketed(propose: Propose, requester: User) -> Change:
    """A change with the ticket OPS-105 and a comment."""
    proposal = replace(
        propose(client_id="azure-graph-client-2"), ticket="OPS-105", reason="The supplier rotates its certificates"
    )
    change = submission.submit_change(proposal, by=requester)
    Comment.objects.create(
        change=change, revision=1, author=requester, text="See the wombat plan", mentions=[], key=uuid.uuid4(),
        at=timezone.now(),
    )  # fmt: skip
    return change


def find(client: Client, text: str) -> str:
    response = client.get(reverse("changes:search"), {"q": text}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return str(response.content.decode())


WORDS = (
    "OPS-105",
    "ops-105",
    "certificates",
    "supplier OPS-105",
    "wombat",
    "GCP",
    "azure-graph-client-2",
    "cr-{pk}",
)


@pytest.mark.parametrize("text", WORDS)
def test_search_finds_a_change_by_each_of_its_words_f1(
    text: str, ticketed: Change, as_person: AsPerson, approver: User
) -> None:
    link = reverse("changes:change", args=[ticketed.pk])
    assert f'href="{link}"' in find(as_person(approver), text.format(pk=ticketed.pk))


def test_every_word_must_be_found(ticketed: Change, as_person: AsPerson, approver: User) -> None:
    assert "0 results" in find(as_person(approver), "OPS-105 elephant")


def test_reference_leads_to_its_change_without_javascript(
    ticketed: Change, as_person: AsPerson, approver: User
) -> None:
    response = as_person(approver).get(reverse("changes:search"), {"q": f"CR-{ticketed.pk}"})
    assert response.headers["Location"] == reverse("changes:change", args=[ticketed.pk])


def test_number_comes_first_among_changes_with_the_same_digits(
    propose: Propose, as_person: AsPerson, requester: User, approver: User
) -> None:
    first = submission.submit_change(propose(), by=requester)
    for _ in range(10):
        submission.submit_change(propose(notes=f"after {first.pk}"), by=requester)
    page = find(as_person(approver), str(first.pk))
    assert page.index(f'"{reverse("changes:change", args=[first.pk])}"') == page.index('"/changes/')


def test_requester_finds_no_change_of_another_requester_f2(
    ticketed: Change, as_person: AsPerson, requester2: User
) -> None:
    client = as_person(requester2)
    for text in ("OPS-105", "certificates", "wombat", f"CR-{ticketed.pk}", ""):
        assert reverse("changes:change", args=[ticketed.pk]) not in find(client, text)
    page = client.get(reverse("changes:search"), {"q": f"CR-{ticketed.pk}"})
    assert (page.status_code, "0 results" in text_of(page)) == (200, True)


def test_requester_finds_secrets_and_actions_but_no_users_and_no_pages_of_others(
    as_person: AsPerson, requester: User, auditor: User
) -> None:
    mirrored(7, "azure-graph")
    client = as_person(requester)
    page = find(client, "azure")
    assert reverse("changes:secret", args=[7]) in page
    assert "New change of azure-graph" in page
    assert auditor.username not in find(client, auditor.username).replace(f'value="{auditor.username}"', "")
    assert reverse("operations:delivery") not in find(client, "Pause delivery")


def test_administrator_finds_users_and_the_pause(as_person: AsPerson, admin: User, requester: User) -> None:
    User.objects.filter(pk=requester.pk).update(first_name="Ana", last_name="Moreau")
    client = as_person(admin)
    assert "Ana Moreau" in find(client, "moreau ana")
    assert reverse("operations:delivery") in find(client, "pause")


def test_search_of_an_auditor_is_on_record(as_person: AsPerson, auditor: User) -> None:
    find(as_person(auditor), "jsilva")
    newest = Event.objects.filter(actor=auditor.username).order_by("-pk").first()
    assert newest is not None
    assert newest.entry is not None
    assert newest.entry.data == {"view": "search", "filters": {"q": "jsilva"}}


def test_empty_search_shows_recent_changes_and_pages(ticketed: Change, as_person: AsPerson, approver: User) -> None:
    page = find(as_person(approver), "")
    assert "Recent changes" in page
    assert "CR-" in page
    assert reverse("changes:queue") in page


@pytest.mark.parametrize("text", ["\0", "'", "%", "_", "\\", "x" * 5000, "9" * 30, "CR-", "\u202e"])
def test_odd_text_finds_nothing_and_fails_nowhere(text: str, as_person: AsPerson, approver: User) -> None:
    assert as_person(approver).get(reverse("changes:search"), {"q": text}).status_code == 200


def test_search_reads_the_newest_changes_alone_by_index_whatever_it_finds_f4(
    as_person: AsPerson,
    requester: User,
    approver: User,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    """How long that takes among a million changes is measured by `make bench`."""
    monkeypatch.setattr(change_model, "SEARCHED", SEARCHED)
    now = timezone.now()
    changes = Change.objects.bulk_create(
        Change(secret=number % 500, secret_name=f"secret-{number % 500}", requester=requester, created_at=now,
               updated_at=now, status="pending")
        for number in range(MANY)
    )  # fmt: skip
    Revision.objects.bulk_create(
        Revision(change=change, number=1, editor=requester, created_at=now, patch={"notes": "A note " * 20}, base=GCP,
                 policy={"required": 1}, reason=f"The endpoint moves to another region, part {change.pk}",
                 ticket=f"OPS-{change.pk}", digest="d" * 64)
        for change in changes
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE changes_change, changes_revision, changes_comment")  # as autovacuum does
    plans.pretend(50)
    client = as_person(approver)
    oldest, newest = (reverse("changes:change", args=[change.pk]) for change in (changes[0], changes[-1]))
    ticket, number, old_ticket = f"OPS-{changes[-1].pk}", str(changes[-1].pk), f"OPS-{changes[0].pk}"
    for text in ("endpoint", ticket, number, "nothing-has-this-word", old_ticket, "7"):
        with django_assert_max_num_queries(12):
            find(client, text)
        assert plans.complaints(partial(find, client, text), ROWS_OF_ONE * SEARCHED) == [], text
    assert all(newest in find(client, text) for text in ("endpoint", ticket, number))
    assert oldest not in find(client, old_ticket)
    assert oldest in find(client, str(changes[0].pk))
