"""Difference between a revised change and the revision that its reader reviewed or saw."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, SeenRevision
from portal.changes.models.seen_revision import Shown, record_seen
from portal.changes.workflow import review, submission
from tests.changes.pages import page_of, text_of
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
Propose = Callable[..., Proposal]
CHIP = "Revised since your review"


@pytest.fixture
def proposed(propose: Propose, requester: User) -> Change:
    """A pending change of two fields."""
    return submission.submit_change(propose(notes="first notes", tags="EU"), by=requester)


def ask_for_changes(change: Change, by: User) -> None:
    digest = change.get_current_revision().digest
    review.request_changes(change.pk, by=by, revision=1, digest=digest, reason="Other notes", recent_auth=PRESENT)


def revise(change: Change, proposal: Proposal) -> None:
    submission.revise_change(change.pk, proposal, by=change.requester)
    change.refresh_from_db()


def queue_of(browser: Client, change: Change, query: str = "") -> HttpResponse:
    return browser.get(f"{reverse('changes:queue')}?open={change.pk}{query}")


def block_of(response: HttpResponse) -> str:
    """The text of the block with the difference since the review, '' if the page has none."""
    found = re.search(r'<section id="since-review".*?</ul>\s*</section>', response.content.decode(), re.DOTALL)
    return text_of(HttpResponse(found[0])) if found else ""


@pytest.mark.parametrize("page", ["queue", "change"])
def test_approver_who_asked_for_changes_sees_first_what_was_revised_l1(
    page: str, proposed: Change, propose: Propose, as_person: AsPerson, approver: User
) -> None:
    ask_for_changes(proposed, approver)
    revise(proposed, propose(notes="second notes", tags="EU"))
    browser = as_person(approver)
    response = queue_of(browser, proposed) if page == "queue" else page_of(browser, proposed)
    block = block_of(response)
    assert "Since you asked for changes" in block
    assert "Revision 1" in block
    assert "second notes" in block
    assert "Unchanged: Tags" in block
    assert "EU" not in block
    assert response.content.index(b'id="since-review"') < response.content.rindex(b"second")
    if page == "queue":
        assert CHIP in text_of(response)


def test_approver_who_never_opened_the_change_sees_no_block_l2(
    proposed: Change, propose: Propose, as_person: AsPerson, approver: User, approver2: User
) -> None:
    ask_for_changes(proposed, approver)
    revise(proposed, propose(notes="second notes", tags="EU"))
    browser = as_person(approver2)
    for response in (queue_of(browser, proposed), page_of(browser, proposed), page_of(browser, proposed)):
        assert block_of(response) == ""
        assert CHIP not in text_of(response)


def test_switch_to_the_whole_difference_has_an_address_to_share_l3(
    proposed: Change, propose: Propose, as_person: AsPerson, approver: User, approver2: User
) -> None:
    ask_for_changes(proposed, approver)
    revise(proposed, propose(notes="second notes", tags="EU"))
    browser, address = as_person(approver), reverse("changes:change", args=[proposed.pk])
    assert 'href="?since=0#proposed"' in page_of(browser, proposed).content.decode()
    whole = browser.get(f"{address}?since=0")
    assert block_of(whole) == ""
    assert 'href="?since=1#since-review"' in whole.content.decode()
    assert "Since you asked for changes" in block_of(browser.get(f"{address}?since=1"))
    shared = block_of(as_person(approver2).get(f"{address}?since=1"))
    assert "Since an earlier revision" in shared
    assert "second notes" in shared
    panel = queue_of(browser, proposed, "&since=0")
    assert block_of(panel) == ""
    assert f"open={proposed.pk}&amp;since=1#since-review" in panel.content.decode()


def test_approver_who_saw_an_earlier_revision_sees_what_changed_since(
    proposed: Change, propose: Propose, as_person: AsPerson, approver: User
) -> None:
    browser = as_person(approver)
    assert block_of(page_of(browser, proposed)) == ""
    revise(proposed, propose(notes="second notes", tags="EU"))
    assert CHIP in text_of(browser.get(f"{reverse('changes:queue')}?open=0"))
    for _ in range(2):
        assert "Since you last looked" in block_of(page_of(browser, proposed))
    seen = SeenRevision.objects.get(change=proposed, user=approver)
    assert (seen.revision, seen.previous) == (2, 1)
    assert CHIP not in text_of(browser.get(reverse("changes:queue")))


def test_block_names_reason_client_secret_and_dropped_fields(
    proposed: Change, propose: Propose, as_person: AsPerson, approver: User
) -> None:
    ask_for_changes(proposed, approver)
    revise(proposed, replace(propose(notes="first notes", value="another-Value-3f"), reason="A better reason"))
    block = block_of(page_of(as_person(approver), proposed))
    assert "A different client secret is proposed." in block
    assert "A better reason" in block
    assert "another-Value-3f" not in block
    assert "Unchanged: Notes" in block


@pytest.mark.parametrize("asked", ["x", "2", "9", "-1", "99999999999999999999", ""])
def test_address_that_names_no_earlier_revision_shows_no_block(
    asked: str, proposed: Change, propose: Propose, as_person: AsPerson, approver: User
) -> None:
    revise(proposed, propose(notes="second notes", tags="EU"))
    address = reverse("changes:change", args=[proposed.pk])
    response = as_person(approver).get(address, {"since": asked})
    assert (response.status_code, block_of(response)) == (200, "")


def test_older_revision_never_replaces_a_newer_one_as_seen(proposed: Change, approver: User) -> None:
    for revision in (1, 2, 1):
        record_seen(Shown(proposed.pk, approver.pk, revision))
    seen = SeenRevision.objects.get(change=proposed, user=approver)
    assert (seen.revision, seen.previous, seen.previous_at is not None) == (2, 1, True)
