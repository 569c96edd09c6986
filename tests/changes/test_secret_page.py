"""The page of one API secret: what it holds, read live, and what is and was to be changed about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.presenters import secret_access
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from tests.changes.pages import text_of
from tests.changing import work
from tests.people import mirrored
from tests.segura import events

pytestmark = pytest.mark.django_db

URL = "/secrets/43/"


@pytest.fixture(autouse=True)
def _mirror(segura: Sandbox, secret: Any) -> None:
    """Secret 43 on both sides."""


@pytest.fixture
def browser(requester: User, as_person: Callable[[User], Client]) -> Client:
    return as_person(requester)


def text(browser: Client, url: str = URL, status: int = 200, **headers: str) -> str:
    answer = browser.get(url, headers=headers)
    assert answer.status_code == status
    return answer.content.decode()


def test_details_are_read_once_and_the_page_says_that_it_counts(browser: Client, segura: Sandbox) -> None:
    page = text(browser)
    assert "Read from Segura just now. Segura counts this as a view." in page
    for value in ("https://gcp.com", "gf455f7g8fb5dfg8fd545bffbv", "hyga125", "Cloud", "Access details", "pduarte"):
        assert value in page
    assert len(segura.control.arrivals("get")) == 1
    assert [event["actor"] for event in events("secret.viewed")] == ["requester"]


def test_secret_value_is_never_shown(browser: Client, segura: Sandbox) -> None:
    segura.control.edit(43, client_secret="cAnArY-9f31")
    page = text(browser)
    assert "Set; Countersign never shows it" in page
    assert "cAnArY" not in page


def test_masked_value_is_said_to_be_unseen(browser: Client, segura: Sandbox) -> None:
    segura.control.knobs(secret_echo="masked_middle")
    assert "Cannot be seen" in text(browser)


def test_page_stays_useful_when_segura_is_away(browser: Client, segura: Sandbox) -> None:
    segura.control.plan("503", endpoint="get")
    page = text(browser)
    assert "The details cannot be shown now" in page
    assert "503" in page
    assert 'href="/secrets/43/propose/"' in page
    assert "History of changes" in page


def test_secret_behind_an_approval_can_still_be_proposed_on(browser: Client) -> None:
    mirrored(51, "treasury-api", need_approval=True, need_justify=True)
    page = text(browser, "/secrets/51/")
    assert "(1006)" in page
    assert "Only after an approval in Segura" in page
    assert 'href="/secrets/51/propose/"' in page


def test_gated_secret_says_why_details_are_missing_and_still_offers_propose_sp3(browser: Client) -> None:
    mirrored(51, "treasury-api", need_approval=True, need_justify=True)
    page = text(browser, "/secrets/51/")
    assert "The details cannot be shown now" in page
    assert "A change can still be proposed; approvers are told that the present values are unknown." in page
    assert 'href="/secrets/51/propose/"' in page


def test_user_granted_by_an_applied_change_shows_since_which_sp2(
    browser: Client, approved: Callable[..., Change], segura: Sandbox, approver: User, as_person: Callable[..., Client]
) -> None:
    change = work(approved(users_allowed=[["jsilva", True], ["pduarte", True]]), rounds=2)
    assert change.status == Status.APPLIED
    page = text_of(browser.get(URL))
    assert f"jsilva since {change.reference} can edit" in page
    assert "pduarte can edit" in page
    assert f'since <a href="/changes/{change.pk}/">' in text(browser)
    assert f'since <a href="/changes/{change.pk}/">' in text(as_person(approver))
    segura.control.edit(43, users_allowed={"jsilva": False, "pduarte": True})
    assert "jsilva can view" in text_of(browser.get(URL))


def test_origin_of_a_right_is_found_beyond_the_page_of_the_history(
    requester: User, approved: Callable[..., Change]
) -> None:
    users = [["jsilva", True], ["pduarte", True]]
    change = work(approved(users_allowed=users), rounds=2)
    fields = {"users_allowed": users, "groups_allowed": []}
    (_field, entries), _groups = secret_access.load_access(43, fields, reader=requester, history=None)
    assert [(entry.name, entry.since) for entry in entries] == [("jsilva", change), ("pduarte", None)]


def test_another_requester_reads_the_reference_without_a_link(
    requester2: User, approved: Callable[..., Change], as_person: Callable[..., Client]
) -> None:
    change = work(approved(users_allowed=[["jsilva", True], ["pduarte", True]]), rounds=2)
    page = as_person(requester2).get(URL)
    assert f"since {change.reference}" in text_of(page)
    assert f'since <a href="/changes/{change.pk}/">' not in page.content.decode()


def test_read_only_secret_says_why_and_who_could_help(browser: Client) -> None:
    mirrored(can_write=False)
    page = text(browser)
    assert "its owner can share it with the right to edit" in page
    assert 'href="/secrets/43/propose/"' not in page


def test_vanished_secret_says_so(browser: Client) -> None:
    mirrored(vanished_at=timezone.now())
    page = text(browser)
    assert "Segura no longer lists this secret" in page
    assert 'href="/secrets/43/propose/"' not in page


def test_approver_reads_but_is_told_who_proposes(approver: User, as_person: Callable[[User], Client]) -> None:
    page = text(as_person(approver))
    assert "Changes are proposed by members of Requesters" in page
    assert 'href="/secrets/43/propose/"' not in page


def test_auditor_reads_no_secret(auditor: User, as_person: Callable[[User], Client], segura: Sandbox) -> None:
    text(as_person(auditor), status=403)
    assert not segura.control.arrivals("get")


def test_unknown_secret_is_a_404_and_is_not_asked_for(browser: Client, segura: Sandbox) -> None:
    text(browser, "/secrets/4711/", status=404)
    assert not segura.control.arrivals("get")


def test_open_change_comes_first(
    browser: Client,
    propose: Callable[..., Proposal],
    requester: User,
    requester2: User,
    approver: User,
    as_person: Callable[[User], Client],
) -> None:
    change = submission.submit_change(propose(), by=requester)
    link = f'href="/changes/{change.pk}/"'
    own = text(browser)
    assert "proposed by you" in own
    assert link in own
    other = text(as_person(requester2))
    assert change.reference in other
    assert "proposed by someone else" in other
    assert link not in other
    assert "URL ·" not in other
    decider = text(as_person(approver))
    assert "proposed by requester" in decider
    assert link in decider


def test_paging_through_the_history_reads_nothing_again(
    browser: Client, propose: Callable[..., Proposal], requester: User, segura: Sandbox
) -> None:
    changes = [
        submission.withdraw_change(submission.submit_change(propose(), by=requester).pk, by=requester)
        for _ in range(17)
    ]
    first = browser.get(URL)
    older = first.context["page"].older
    assert len(first.context["rows"]) == 15
    assert len(segura.control.arrivals("get")) == 1
    second = text(browser, f"{URL}?at={older}")
    assert changes[0].reference in second
    assert "Not read again while you page through the history" in second
    fragment = text(browser, f"{URL}?at={older}", hx_request="true")
    assert changes[0].reference in fragment
    assert "<html" not in fragment
    assert len(segura.control.arrivals("get")) == 1


def test_damaged_cursor_is_a_400(browser: Client) -> None:
    text(browser, f"{URL}?at=nonsense", status=400)


def test_history_shows_the_response_code(browser: Client, submitted: Change) -> None:
    Change.objects.filter(pk=submitted.pk).update(last_http_status=409)
    assert '<span class="code code-4xx">409</span>' in text(browser)


def test_markup_is_inert(browser: Client, segura: Sandbox) -> None:
    hostile = '"><script>alert(1)</script>'
    names = ("name", "url", "client_id", "identifier_code", "tags", "notes", "method")
    segura.control.edit(43, **dict.fromkeys(names, hostile), users_allowed={hostile: True})
    mirrored(name=hostile)
    assert "<script>alert" not in text(browser)


def test_queries_do_not_grow_with_the_history(
    browser: Client, propose: Callable[..., Proposal], requester: User
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            text(browser)
        return len(captured)

    submission.submit_change(propose(), by=requester)
    queries()
    few = queries()
    for _ in range(10):
        submission.submit_change(propose(), by=requester)
    assert queries() == few
    assert few <= 25
