"""The list of secrets says of each what is open and what was applied last, to each reader as far as they may see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import review, submission
from tests.changes.pages import text_of
from tests.people import mirrored
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
ADDRESS = "/secrets/"


@pytest.fixture
def open_on(propose: Callable[..., Proposal], requester: User) -> Callable[..., Change]:
    """`open_on(60, notes="x")`: a pending change of the secret 60, by the requester unless `by` says otherwise."""

    def submit(identifier: int, by: User = requester, **patch: Any) -> Change:
        return submission.submit_change(propose(identifier=identifier, **patch), by=by)

    return submit


def row_of(browser: Client, secret: int, address: str = ADDRESS) -> str:
    """The row of a secret, as it is written in the page."""
    page = browser.get(address).content.decode()
    return " ".join(page.partition(f'href="/secrets/{secret}/"')[2].partition("</tr>")[0].split())


def apply_change(change: Change) -> None:
    Change.objects.filter(pk=change.pk).update(status=Status.APPLIED, closed_at=timezone.now())


def test_row_shows_the_newest_open_change_with_title_status_and_link(
    open_on: Callable[..., Change], as_person: AsPerson, requester: User
) -> None:
    mirrored(60, "ledger")
    mirrored(61, "quiet")
    open_on(60, notes="first")
    change = open_on(60, client_id="ledger-2")
    browser = as_person(requester)
    row = row_of(browser, 60)
    assert 'data-status="pending"' in row
    assert f'href="/changes/{change.pk}/"' in row
    assert f">CR-{change.pk} Client ID → ledger-2</a>" in row
    assert "1 more open change" in row
    assert "CR-" not in row_of(browser, 61)


def test_row_says_that_changes_were_requested(
    open_on: Callable[..., Change], as_person: AsPerson, approver: User
) -> None:
    change = open_on(43, notes="x")
    digest = change.get_current_revision().digest
    review.request_changes(change.pk, by=approver, revision=1, digest=digest, reason="Say why", recent_auth=PRESENT)
    assert "Changes requested" in row_of(as_person(approver), 43)


def test_change_of_another_requester_is_named_without_what_it_proposes(
    open_on: Callable[..., Change], as_person: AsPerson, requester2: User, approver: User
) -> None:
    apply_change(open_on(43, notes="earlier"))
    change = open_on(43, client_id="confidential-id")
    row = row_of(as_person(requester2), 43)
    assert f"CR-{change.pk}" in row
    assert "Pending" in row
    assert "confidential-id" not in row
    assert "/changes/" not in row
    assert "confidential-id" in row_of(as_person(approver), 43)


def test_row_shows_the_last_applied_change_and_when(
    open_on: Callable[..., Change], as_person: AsPerson, requester: User
) -> None:
    applied = open_on(43, notes="applied")
    apply_change(applied)
    rejected = open_on(43, notes="rejected")
    Change.objects.filter(pk=rejected.pk).update(status=Status.REJECTED, closed_at=timezone.now())
    row = row_of(as_person(requester), 43)
    assert f'<a href="/changes/{applied.pk}/">CR-{applied.pk}</a> <time class="ago"' in row
    assert f"CR-{rejected.pk}" not in row
    assert "badge-status" not in row


def test_chip_leaves_the_secrets_with_an_open_change(
    open_on: Callable[..., Change], as_person: AsPerson, requester: User
) -> None:
    for number, name in ((60, "ledger"), (61, "quiet"), (62, "done"), (63, "gone")):
        mirrored(number, name)
    open_on(60, notes="x")
    apply_change(open_on(62, notes="y"))
    open_on(63, notes="z")
    mirrored(63, "gone", vanished_at=timezone.now())
    browser = as_person(requester)
    found = browser.get(ADDRESS, {"show": "open-change"})
    assert [row.secret.name for row in found.context["rows"]] == ["gone", "ledger"]
    page = found.content.decode()
    chips = " ".join(page.partition('id="id_show"')[2].partition("</div>")[0].split())
    assert 'value="open-change" id="id_show_1" checked' in chips
    for label in ("With open change", "Read only", "Not read yet"):
        assert f"{label}</label>" in chips
    nothing = text_of(browser.get(ADDRESS, {"show": "open-change", "q": "quiet"}))
    assert "No secret matches" in nothing


def test_list_with_changes_takes_at_most_twelve_queries(
    open_on: Callable[..., Change],
    as_person: AsPerson,
    approver: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(60, 85):
        mirrored(number, f"service-{number}")
        apply_change(open_on(number, notes="earlier"))
        open_on(number, notes="x")
    browser = as_person(approver)
    with django_assert_max_num_queries(12):
        browser.get(ADDRESS, {"show": "open-change", "q": "service"})
