"""Comparison of a pending change with Segura while it is reviewed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.catalog import details, segura_client
from portal.catalog.models import ApiSecret
from portal.changes.delivery import base_reads, tasks
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, ObservedSecret, Status
from portal.changes.models.observed_secret import claim_read
from portal.changes.rules.guards import BaseChanged
from portal.changes.workflow import review, submission
from portal.changes.workflow.base_checks import READ_EVERY
from portal.sandbox import Sandbox
from tests.changes.pages import ballot_of, page_of, send, text_of
from tests.changes.test_status_poll import poll
from tests.changing import approve, work
from tests.people import mirrored
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
PENDING = "Changed in Segura since the proposal"


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The reads that pages have enqueued; the test itself is the worker."""
    reads: list[tuple[int, int]] = []
    monkeypatch.setattr("portal.changes.delivery.tasks.enqueue_base_read", lambda *ids: reads.append(ids))
    return reads


@pytest.fixture
def pending(
    segura: Sandbox, live_base: Snapshot, propose: Callable[..., Proposal], requester: User, secret: ApiSecret
) -> Change:
    """A pending change of secret 43 against what Segura really holds."""
    return submission.submit_change(propose(base=live_base, notes="new notes"), by=requester)


@pytest.fixture
def edit_in_segura(segura: Sandbox) -> Callable[..., None]:
    def edit(**fields: Any) -> None:
        segura.control.edit(43, **fields)

    return edit


def views_in(segura: Sandbox) -> int:
    """Number of reads of secret 43 in the sandbox's journal."""
    return len([call for call in segura.control.arrivals("get") if str(call.get("identifier")) == "43"])


def run_reads(enqueued: list[tuple[int, int]]) -> None:
    while enqueued:
        tasks.read_base(*enqueued.pop(0))


def open_page(browser: Client, change: Change, enqueued: list[tuple[int, int]]) -> HttpResponse:
    page = page_of(browser, change)
    run_reads(enqueued)
    return poll(browser, page)


def test_page_names_the_field_that_changed_in_segura_and_offers_no_approval_v1(
    pending: Change,
    edit_in_segura: Callable[..., None],
    enqueued: list[tuple[int, int]],
    as_person: AsPerson,
    approver: User,
) -> None:
    edit_in_segura(tags="moved")
    browser = as_person(approver)
    moved = open_page(browser, pending, enqueued)
    assert f"{PENDING}: Tags" in text_of(moved)
    assert f'id="approve-{pending.pk}"' not in moved.content.decode()
    assert f'id="request-{pending.pk}"' in moved.content.decode()
    pending.refresh_from_db()
    assert pending.status == Status.PENDING


def test_page_whose_base_matches_says_when_it_was_checked(
    pending: Change, enqueued: list[tuple[int, int]], as_person: AsPerson, approver: User
) -> None:
    moved = open_page(as_person(approver), pending, enqueued)
    assert "Matches Segura, checked" in text_of(moved)
    assert f'id="approve-{pending.pk}"' in moved.content.decode()
    assert "not compared again since" not in text_of(page_of(as_person(approver), pending))


@pytest.mark.parametrize("route", ["page", "bulk", "workflow"])
def test_every_route_refuses_to_approve_a_changed_base(
    route: str,
    pending: Change,
    edit_in_segura: Callable[..., None],
    as_person: AsPerson,
    approver: User,
) -> None:
    edit_in_segura(tags="moved")
    base_reads.read_for_review(43, by=approver.username)
    browser, digest = as_person(approver), pending.get_current_revision().digest
    if route == "page":
        response = send(browser, "approve", pending, ballot_of(pending))
        assert response.status_code == 409
        assert "The secret changed in Segura since the proposal: Tags." in text_of(response)
    elif route == "bulk":
        picks = {"picks": f"{pending.pk}.1.{digest}", "verdict": "approve"}
        response = browser.post(reverse("changes:decide"), picks)
        assert "The secret changed in Segura since the proposal: Tags." in text_of(response)
    else:
        with pytest.raises(BaseChanged):
            approve(pending, approver)
    pending.refresh_from_db()
    assert (pending.status, pending.votes.count()) == (Status.PENDING, 0)
    (refused,) = events("vote.refused")
    assert refused["data"]["rule"] == "base_changed"


def test_change_of_a_changed_base_can_be_rejected_and_returned(
    pending: Change, edit_in_segura: Callable[..., None], approver: User
) -> None:
    edit_in_segura(tags="moved")
    base_reads.read_for_review(43, by=approver.username)
    review.request_changes(
        pending.pk,
        by=approver,
        revision=1,
        digest=pending.get_current_revision().digest,
        reason="Revise",
        recent_auth=PRESENT,
    )
    rejected = review.reject_change(
        pending.pk,
        by=approver,
        revision=1,
        digest=pending.get_current_revision().digest,
        reason="No",
        recent_auth=PRESENT,
    )
    assert rejected.status == Status.REJECTED


def test_request_for_changes_comes_with_a_comment_that_names_the_fields(
    pending: Change, edit_in_segura: Callable[..., None], as_person: AsPerson, approver: User
) -> None:
    edit_in_segura(tags="moved")
    base_reads.read_for_review(43, by=approver.username)
    browser = as_person(approver)
    address = reverse("changes:change", args=[pending.pk])
    assert f"{address}?comment=base_changed" in browser.get(address).content.decode()
    assert "Changed in Segura since the proposal: Tags. Please revise" in text_of(
        browser.get(f"{address}?comment=base_changed")
    )


def test_ten_openings_within_a_minute_make_one_read_v2(
    segura: Sandbox,
    pending: Change,
    enqueued: list[tuple[int, int]],
    as_person: AsPerson,
    approver: User,
    approver2: User,
) -> None:
    before = views_in(segura)
    browsers = [as_person(approver), as_person(approver2)]
    for number in range(10):
        open_page(browsers[number % 2], pending, enqueued)
    assert views_in(segura) == before + 1
    (viewed,) = [event for event in events("secret.viewed") if event["data"].get("purpose") == "review"]
    assert viewed["actor"] == approver.username


def test_other_changes_are_out_of_date_once_one_is_applied_without_a_read_v3(
    segura: Sandbox,
    live_base: Snapshot,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    as_person: AsPerson,
    enqueued: list[tuple[int, int]],
) -> None:
    first, second, other = (
        submission.submit_change(propose(base=live_base, **patch), by=requester)
        for patch in ({"tags": "applied"}, {"notes": "second"}, {"tags": "applied"})
    )
    assert work(approve(first, approver)).status == Status.APPLIED
    reads = views_in(segura)
    page = as_person(approver).get(reverse("changes:queue"))
    assert text_of(page).count("Out of date in Segura") == 2
    assert views_in(segura) == reads
    for each in (second, other):
        with pytest.raises(BaseChanged):
            approve(each, approver)
    assert f"Countersign applied {first.reference} to this secret" in text_of(page_of(as_person(requester), second))


def test_proposal_against_the_applied_values_can_be_approved(
    segura: Sandbox,
    live_base: Snapshot,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
) -> None:
    first = submission.submit_change(propose(base=live_base, tags="applied"), by=requester)
    second = submission.submit_change(propose(base=live_base, notes="second"), by=requester)
    assert work(approve(first, approver)).status == Status.APPLIED
    seen = details.fetch_details(segura_client.build_client(secret=43), 43)
    now = Snapshot(dict(seen.fields), seen.secret_fingerprint, seen.read_at)
    submission.revise_change(second.pk, propose(base=now, notes="second"), by=requester)
    second.refresh_from_db()
    assert approve(second, approver).status == Status.APPROVED


@pytest.mark.parametrize("flag", ["need_approval", "need_justify"])
def test_gated_secret_is_not_read_v4(
    flag: str,
    segura: Sandbox,
    pending: Change,
    enqueued: list[tuple[int, int]],
    as_person: AsPerson,
    approver: User,
) -> None:
    mirrored(**{flag: True})
    before = views_in(segura)
    page = page_of(as_person(approver), pending)
    as_person(approver).post(reverse("changes:check_base", args=[pending.pk]))
    assert enqueued == []
    assert views_in(segura) == before
    assert "Segura does not show this secret, so nothing can be compared." in text_of(page)


@pytest.mark.parametrize(("mode", "opened", "clicked"), [("open", 1, 1), ("click", 0, 1), ("off", 0, 0)])
def test_setting_says_when_a_secret_is_read(
    mode: str,
    opened: int,
    clicked: int,
    settings: Settings,
    pending: Change,
    enqueued: list[tuple[int, int]],
    as_person: AsPerson,
    approver: User,
) -> None:
    settings.REVIEW_READS = mode
    browser = as_person(approver)
    page = page_of(browser, pending)
    assert len(enqueued) == opened
    assert ("Check now" in text_of(page)) == (mode == "click")
    browser.post(reverse("changes:check_base", args=[pending.pk]))
    assert len(enqueued) == clicked


def test_requester_and_auditor_start_no_read(
    pending: Change, enqueued: list[tuple[int, int]], as_person: AsPerson, requester: User, auditor: User
) -> None:
    for reader in (requester, auditor):
        page_of(as_person(reader), pending)
        as_person(reader).post(reverse("changes:check_base", args=[pending.pk]))
    assert enqueued == []


def test_panel_of_the_queue_shows_what_changed_and_takes_the_approval_away(
    pending: Change,
    edit_in_segura: Callable[..., None],
    enqueued: list[tuple[int, int]],
    as_person: AsPerson,
    approver: User,
) -> None:
    edit_in_segura(tags="moved")
    browser = as_person(approver)
    panel = browser.get(reverse("changes:queue"), {"open": pending.pk})
    assert "Comparing with Segura" in text_of(panel)
    assert f'id="approve-{pending.pk}"' in panel.content.decode()
    run_reads(enqueued)
    answer = browser.get(reverse("changes:base_check", args=[pending.pk]), headers={"HX-Request": "true"})
    assert f"{PENDING}: Tags" in text_of(answer)
    assert f'hx-swap-oob="delete:#approve-{pending.pk}"' in answer.content.decode()
    again = browser.get(reverse("changes:queue"), {"open": pending.pk})
    assert f'id="approve-{pending.pk}"' not in again.content.decode()


def test_reading_that_fails_says_that_nothing_was_compared(
    segura: Sandbox, pending: Change, enqueued: list[tuple[int, int]], as_person: AsPerson, approver: User
) -> None:
    segura.control.plan("504_before_apply", endpoint="get")
    moved = open_page(as_person(approver), pending, enqueued)
    assert "could not be read from Segura, so nothing was compared" in text_of(moved)
    assert f'id="approve-{pending.pk}"' in moved.content.decode()


def test_secret_that_was_set_back_in_segura_can_be_approved_again(
    pending: Change, live_base: Snapshot, edit_in_segura: Callable[..., None], approver: User
) -> None:
    edit_in_segura(tags="moved")
    base_reads.read_for_review(43, by=approver.username)
    edit_in_segura(tags=live_base.fields["tags"])
    base_reads.read_for_review(43, by=approver.username)
    assert approve(pending, approver).status == Status.APPROVED


def test_observed_values_hold_no_client_secret(segura: Sandbox, pending: Change, approver: User) -> None:
    base_reads.read_for_review(43, by=approver.username)
    stored = ObservedSecret.objects.get(pk=43).values["client_secret"]["value"]
    assert len(stored) == 64
    assert stored == pending.get_current_revision().base_secret_fingerprint


def test_message_that_names_no_secret_is_discarded(pending: Change, segura: Sandbox, approver: User) -> None:
    before = views_in(segura)
    for ids in (("43", approver.pk), (43, 0), (True, approver.pk), (43, 10**6)):
        tasks.read_base(*ids)
    assert views_in(segura) == before


def test_one_of_two_readers_at_the_same_moment_may_read(db: None) -> None:
    assert [claim_read(43, every=READ_EVERY) for _ in range(2)] == [True, False]
    ObservedSecret.objects.update(requested_at=timezone.now() - READ_EVERY)
    assert claim_read(43, every=READ_EVERY)
