"""Threads of comments are resolved and reopened, folded while resolved, and each step is in the log."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.models import Change, Comment, ResolvedThread
from portal.changes.rules.guards import NotAllowed, PastRetention
from portal.changes.workflow import comments, threads
from portal.changes.workflow.comments import NewComment
from tests.changes.pages import page_of, text_of
from tests.segura import events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def thread(submitted: Change, auditor: User, requester: User) -> Comment:
    """A question of the auditor's, with an answer."""
    first = comments.post_comment(submitted.pk, NewComment(uuid.uuid4(), "Why this host?"), by=auditor)
    comments.post_comment(submitted.pk, NewComment(uuid.uuid4(), "It moved", answers=first.pk), by=requester)
    return first


def settle(browser: Client, act: str, thread: Comment, **headers: str) -> HttpResponse:
    address = reverse(f"changes:{act}_thread", args=[thread.change_id, thread.pk])
    response: HttpResponse = browser.post(address, headers=headers)  # type: ignore[assignment]
    if headers and response.status_code == 302:  # as htmx follows it
        return browser.get(response.headers["Location"], headers=headers)  # type: ignore[return-value]
    return response


def folded(page: HttpResponse, thread: Comment) -> str:
    """The summary of a folded thread, '' if it is not folded."""
    text = page.content.decode().partition(f'id="thread-{thread.pk}"')[2].partition("</li>")[0]
    found = re.search(
        r'<details class="more thread-resolved"\s*>\s*<summary\s*(?:autofocus)?>(.*?)</summary>', text, re.DOTALL
    )
    return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split()) if found else ""


def test_author_resolves_a_thread_which_is_folded_for_everybody(
    thread: Comment, as_person: AsPerson, auditor: User, requester: User
) -> None:
    browser = as_person(auditor)
    assert folded(page_of(browser, thread.change), thread) == ""
    answer = settle(browser, "resolve", thread)
    assert (
        answer.headers["Location"] == f"/changes/{thread.change_id}/?comments=1&settled={thread.pk}#thread-{thread.pk}"
    )
    page = page_of(as_person(requester), thread.change)
    assert folded(page, thread).startswith("Resolved by auditor")
    assert "It moved" in text_of(page)


def test_approver_reopens_what_the_author_resolved_and_the_log_has_both(
    thread: Comment, as_person: AsPerson, auditor: User, approver: User
) -> None:
    settle(as_person(auditor), "resolve", thread)
    browser = as_person(approver)
    assert "Reopen" in text_of(page_of(browser, thread.change))
    settle(browser, "reopen", thread)
    assert folded(page_of(browser, thread.change), thread) == ""
    log = [
        (event["action"], event["actor"], event["change"], event["data"])
        for action in ("change.thread_resolved", "change.thread_reopened")
        for event in events(action)
    ]
    about = {"comment": thread.pk}
    assert log == [
        ("change.thread_resolved", "auditor", thread.change_id, about),
        ("change.thread_reopened", "approver", thread.change_id, about),
    ]


def test_others_are_offered_no_button_and_are_refused_with_who_could(
    thread: Comment, as_person: AsPerson, requester: User
) -> None:
    browser = as_person(requester)
    assert "/resolve/" not in page_of(browser, thread.change).content.decode()
    answer = settle(browser, "resolve", thread)
    assert answer.status_code == 403
    assert "Only the author of the first comment and members of Approvers" in text_of(answer)
    with pytest.raises(NotAllowed):
        threads.reopen_thread(thread.change_id, thread.pk, by=requester)
    assert not ResolvedThread.objects.exists()


def test_same_click_twice_is_recorded_once(thread: Comment, as_person: AsPerson, auditor: User) -> None:
    browser = as_person(auditor)
    for _ in range(2):
        assert settle(browser, "resolve", thread).status_code == 302
    assert len(events("change.thread_resolved")) == 1
    for _ in range(2):
        assert settle(browser, "reopen", thread).status_code == 302
    assert len(events("change.thread_reopened")) == 1


def test_answer_or_comment_of_another_change_is_no_thread(
    thread: Comment, as_person: AsPerson, approver: User, requester2: User
) -> None:
    answer = Comment.objects.get(parent=thread)
    assert settle(as_person(approver), "resolve", answer).status_code == 404
    other = reverse("changes:resolve_thread", args=[thread.change_id + 1, thread.pk])
    assert as_person(approver).post(other).status_code == 404
    assert settle(as_person(requester2), "resolve", thread).status_code == 404


def test_htmx_gets_the_thread_alone_and_what_was_done(thread: Comment, as_person: AsPerson, auditor: User) -> None:
    browser = as_person(auditor)
    answer = settle(browser, "resolve", thread, **HTMX)
    assert folded(answer, thread).startswith("Resolved by auditor")
    assert "Comments resolved." in text_of(answer)
    assert "<html" not in answer.content.decode()
    assert "Comments reopened." in text_of(settle(browser, "reopen", thread, **HTMX))


def test_thread_of_a_change_past_its_retention_stays_as_it_is(
    thread: Comment, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Event.objects, "filter", lambda **_: Event.objects.none())
    with pytest.raises(PastRetention):
        threads.resolve_thread(thread.change_id, thread.pk, by=auditor)
