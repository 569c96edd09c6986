"""What the page of a change, the panel and the review step show once, fold, link and let users copy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.presenters.change_page import load_change_page
from portal.changes.workflow import review, submission
from portal.common import links
from portal.sandbox import Sandbox
from tests.changes.pages import page_of, text_of
from tests.changes.test_propose_page import Desk
from tests.changing import approve, work
from tests.people import mirrored
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]
TRUSTED, FOREIGN = "https://wiki.example/plan", "https://evil.example/x"
WORDS = f"See {TRUSTED} and {FOREIGN}"


def html_of(response: HttpResponse) -> str:
    return response.content.decode()


def outside_sheets(page: str) -> str:
    return unescape(re.sub(r"<dialog.*?</dialog>", "", page, flags=re.DOTALL))


@pytest.fixture
def link_settings(settings: Any) -> None:
    settings.TICKET_URL_PATTERNS = links.parse_ticket_patterns(r"^OPS-\d+$ https://jira.example.com/browse/{0}")
    settings.LINK_HOSTS = frozenset({"wiki.example"})


def assert_linked(page: str) -> None:
    assert '<a href="https://jira.example.com/browse/OPS-101" rel="noopener noreferrer">OPS-101</a>' in page
    assert f'<a href="{TRUSTED}" rel="noopener noreferrer">' in page
    assert f'href="{FOREIGN}"' not in page
    assert f'data-copy="{FOREIGN}"' in page


@pytest.mark.usefixtures("link_settings")
@pytest.mark.parametrize("place", ["/changes/{}/", "/queue/?open={}"])
def test_ticket_reason_and_vote_comment_are_links_on_page_and_panel_cl1_cl2(
    place: str, as_person: AsPerson, propose: Propose, requester: User, approver: User, approver2: User
) -> None:
    change = submission.submit_change(replace(propose(), reason=WORDS, ticket="OPS-101"), by=requester)
    page = html_of(as_person(approver).get(place.format(change.pk)))
    assert_linked(page)
    digest = change.get_current_revision().digest
    review.request_changes(change.pk, by=approver2, revision=1, digest=digest, reason=WORDS, recent_auth=PRESENT)
    voted = html_of(page_of(as_person(approver), change))
    assert voted.count(TRUSTED) == 2 * voted.count(f'<a href="{TRUSTED}" rel="noopener noreferrer">{TRUSTED}</a>') > 4
    assert f'href="{FOREIGN}"' not in voted


@pytest.mark.usefixtures("link_settings")
def test_ticket_and_reason_are_links_on_the_review_step_cl1_cl2(
    segura: Sandbox, as_person: AsPerson, requester: User
) -> None:
    mirrored()
    desk = Desk(as_person(requester))
    desk.open()
    assert_linked(html_of(desk.preview(url="https://gcp-eu.example", reason=WORDS, ticket="OPS-101")))


def test_page_offers_to_copy_number_with_link_digest_and_request_id(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    approve(submitted, approver)
    Change.objects.filter(pk=submitted.pk).update(approval_request_id="request-of-the-approval")
    page = unescape(html_of(page_of(as_person(requester), submitted)))
    address = f"http://testserver/changes/{submitted.pk}/"
    for copied in (
        f"{submitted.reference} {address}",
        submitted.get_current_revision().digest,
        "request-of-the-approval",
    ):
        assert f'data-copy="{copied}"' in page


def test_each_risk_sentence_occurs_once_outside_the_sheet_c3(
    as_person: AsPerson, propose: Propose, requester: User, approver: User, auditor: User
) -> None:
    proposal = propose(value="A-new-value-7361", url="http://elsewhere.example", users_allowed=[["outsider", True]])
    change = submission.submit_change(proposal, by=requester)
    sentences = [risk.sentence for risk in load_change_page(change.pk, approver).row.risks]
    assert len(sentences) > 2
    for reader in (requester, approver, auditor):
        page = outside_sheets(html_of(page_of(as_person(reader), change)))
        assert [page.count(sentence) for sentence in sentences] == [1] * len(sentences)
    panel = outside_sheets(html_of(as_person(approver).get(f"/queue/?open={change.pk}")))
    assert [panel.count(sentence) for sentence in sentences] == [1] * len(sentences)


@pytest.mark.parametrize("revisions", [0, 2])
def test_applied_change_shows_at_most_five_steps_before_unfolding_c4(
    revisions: int,
    segura: Sandbox,
    live_base: Any,
    propose: Propose,
    as_person: AsPerson,
    requester: User,
    approver: User,
) -> None:
    change = submission.submit_change(propose(base=live_base), by=requester)
    for number in range(revisions):
        digest = change.get_current_revision().digest
        review.request_changes(
            change.pk, by=approver, revision=change.revision, digest=digest, reason="Not yet", recent_auth=PRESENT
        )
        change = submission.revise_change(change.pk, propose(base=live_base, tags=f"v{number}"), by=requester)
    change = work(approve(change, approver))
    assert change.status == "applied"
    page = html_of(page_of(as_person(requester), change))
    steps = page[page.index('id="steps"') : page.index("Technical details")]
    unfolded = re.sub(r"<details.*?</details>", "", steps, flags=re.DOTALL)
    assert 1 <= unfolded.count("<li") <= 5
    assert "Applied" in unfolded
    shown = load_change_page(change.pk, requester)
    assert steps.count("<li") == len(shown.steps_taken) == 4 + 2 * revisions
    assert ("Show 3 earlier steps" in steps) == (revisions == 2)


def test_requester_and_approver_see_the_title_of_the_tab_c5(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    for reader in (requester, approver):
        page = html_of(page_of(as_person(reader), submitted))
        heading, tab = (re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL) for tag in ("h1", "title"))
        assert heading
        assert tab
        assert heading[1] == f"{submitted.reference} GCP: URL → https://gcp-eu.example"
        assert " ".join(tab[1].split()) == f"{heading[1]} · Countersign"


def test_users_are_shown_with_initials_full_name_and_sign_in_name(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    User.objects.filter(pk=requester.pk).update(first_name="Rita", last_name="Moreau")
    shown = 'title="requester"><span class="initials" aria-hidden="true">RM</span>Rita Moreau</span>'
    browser = as_person(approver)
    for place in (reverse("changes:change", args=[submitted.pk]), f"/queue/?open={submitted.pk}"):
        assert shown in html_of(browser.get(place))
    page = html_of(page_of(browser, submitted))
    assert shown in page[page.index('id="steps"') :]


def test_request_for_changes_is_on_the_form_of_a_revision_until_it_is_submitted_r1(
    segura: Sandbox, live_base: Any, propose: Propose, as_person: AsPerson, requester: User, approver: User
) -> None:
    change = submission.submit_change(propose(base=live_base), by=requester)
    digest = change.get_current_revision().digest
    review.request_changes(
        change.pk, by=approver, revision=1, digest=digest, reason="Keep the old host", recent_auth=PRESENT
    )
    desk = Desk(as_person(requester), f"/changes/{change.pk}/revise/")
    assert "requested changes Keep the old host" in text_of(desk.open())
    assert "Keep the old host" in text_of(desk.press("rows:users_allowed"))
    desk.preview(url="https://gcp-eu2.example")
    desk.press("confirm")
    assert "Keep the old host" not in text_of(desk.open())
