"""Limits that count rows hold for requests side by side."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.catalog.models import ApiSecret
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, ChangeTemplate, Comment, Revision, Status, WrongValue
from portal.changes.rules.guards import SecretMismatch, TooManyGuesses, TooManySubmissions
from portal.changes.workflow import manual_resolution, submission, templates
from portal.changes.workflow.comments import NewComment, post_comment
from portal.vault import SecretStr
from portal.web.models import SavedFilter
from tests.changing import approve
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
AT_ONCE = 8
Propose = Callable[..., Proposal]


def side_by_side(act: Callable[[int], object]) -> list[object]:
    """What each of AT_ONCE calls returned or raised."""

    def run(number: int) -> object:
        try:
            return act(number)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


def test_requester_submits_no_more_than_the_limit(propose: Propose, requester: User, settings: Any) -> None:
    settings.CHANGE_SUBMITS_PER_HOUR = 3
    proposals = [propose(notes=f"{number}") for number in range(AT_ONCE)]
    came = side_by_side(lambda number: submission.submit_change(proposals[number], by=requester))
    assert Change.objects.count() == 3
    assert sum(isinstance(each, TooManySubmissions) for each in came) == AT_ONCE - 3


def test_requester_revises_no_more_than_the_limit(propose: Propose, requester: User, settings: Any) -> None:
    changes = [submission.submit_change(propose(notes=f"{number}"), by=requester) for number in range(AT_ONCE)]
    settings.CHANGE_SUBMITS_PER_HOUR = AT_ONCE + 2
    revisions = [propose(notes=f"again {number}") for number in range(AT_ONCE)]
    side_by_side(lambda number: submission.revise_change(changes[number].pk, revisions[number], by=requester))
    assert Revision.objects.count() == AT_ONCE + 2


def test_change_takes_no_more_comments_than_the_limit(
    submitted: Change, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.changes.workflow.comments.MOST", 3)
    side_by_side(lambda number: post_comment(submitted.pk, NewComment(uuid.uuid4(), f"Remark {number}"), by=approver))
    assert Comment.objects.count() == 3


def test_user_saves_no_more_filters_than_the_limit(
    auditor: User, as_person: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.web.saved_filters.MOST", 3)
    browsers = [as_person(auditor) for _ in range(AT_ONCE)]
    page = reverse("save_filter")
    forms = [{"page": "audit:events", "query": f"code={number}xx", "name": f"F{number}"} for number in range(AT_ONCE)]
    side_by_side(lambda number: browsers[number].post(page, forms[number]))
    assert SavedFilter.objects.count() == 3


def test_user_keeps_no_more_templates_than_the_limit(requester: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.changes.workflow.templates.MOST", 3)
    words = {"reason": "", "ticket": ""}
    side_by_side(
        lambda number: templates.save_template(
            by=requester, name=f"T{number}", shared=False, patch={"notes": "x"}, base=None, words=words
        )
    )
    assert ChangeTemplate.objects.count() == 3


def test_wrong_values_at_a_retry_are_counted_side_by_side_and_without_the_log(
    propose: Propose, requester: User, approver: User, secret: ApiSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = approve(submission.submit_change(propose(value="the-approved-value"), by=requester), approver)
    Change.objects.update(status=Status.FAILED, closed_at=change.created_at)
    came = side_by_side(
        lambda number: manual_resolution.retry_change(
            change.pk, by=requester, value=SecretStr(f"wrong-value-{number}"), recent_auth=PRESENT
        )
    )
    assert sum(isinstance(each, TooManyGuesses) for each in came) == AT_ONCE - manual_resolution.WRONG_VALUES
    assert all(isinstance(each, SecretMismatch) for each in came)
    assert WrongValue.objects.count() == manual_resolution.WRONG_VALUES
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only")
        cursor.execute("DELETE FROM audit_event WHERE action = 'change.retry_refused'")
        cursor.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only")
    with pytest.raises(TooManyGuesses):
        manual_resolution.retry_change(
            change.pk, by=requester, value=SecretStr("the-approved-value"), recent_auth=PRESENT
        )
