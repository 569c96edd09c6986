"""Watching and muting one change."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.changes.models import Change, ChangeSubscription
from portal.changes.workflow import comments, review
from portal.changes.workflow.comments import NewComment
from portal.notifications import dispatch
from portal.notifications.models import Notification
from portal.notifications.subscriptions import save_level
from tests.changing import approve
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]


def told(person: User) -> list[str]:
    dispatch.dispatch_events()
    return list(Notification.objects.filter(recipient=person, shown=True).order_by("pk").values_list("kind", flat=True))


def say(change: Change, author: User, text: str) -> None:
    comments.post_comment(change.pk, NewComment(uuid.uuid4(), text), by=author)


def choose(browser: Client, change: Change, level: str) -> int:
    return browser.post(f"/changes/{change.pk}/subscription/", {"level": level}).status_code


def test_watcher_is_shown_each_status_and_each_comment_and_is_mailed_no_status(
    submitted: Change, approver: User, approver2: User, as_person: AsPerson
) -> None:
    dispatch.dispatch_events()
    assert choose(as_person(approver2), submitted, "watching") == 302
    say(submitted, approver, "Looks right to me")
    approve(submitted, approver)
    assert told(approver2) == ["commented", "approved"]
    (approved,) = Notification.objects.filter(recipient=approver2, kind="approved")
    assert (approved.mail_at, approved.daily) == (None, False)


def test_who_neither_watches_nor_takes_part_is_not_told(submitted: Change, approver: User, approver2: User) -> None:
    dispatch.dispatch_events()
    approve(submitted, approver)
    assert told(approver2) == []


def test_requester_of_a_muted_change_is_told_only_what_needs_them_or_mentions_them(
    submitted: Change, approver: User, as_person: AsPerson
) -> None:
    choose(as_person(submitted.requester), submitted, "muted")
    say(submitted, approver, "One moment")
    assert told(submitted.requester) == []
    say(submitted, approver, f"@{submitted.requester.username} which host?")
    review.request_changes(
        submitted.pk,
        by=approver,
        revision=1,
        digest=submitted.get_current_revision().digest,
        reason="Another host, please",
        recent_auth=PRESENT,
    )
    assert told(submitted.requester) == ["mentioned", "asked"]


def test_choice_can_be_taken_back(submitted: Change, approver: User, approver2: User, as_person: AsPerson) -> None:
    dispatch.dispatch_events()
    browser = as_person(approver2)
    for level in ("watching", "muted", "default"):
        choose(browser, submitted, level)
    assert ChangeSubscription.objects.count() == 0
    approve(submitted, approver)
    assert told(approver2) == []


def test_page_of_the_change_shows_the_choice(submitted: Change, approver: User, as_person: AsPerson) -> None:
    browser = as_person(approver)
    for level, shown in (("watching", "Watching"), ("muted", "Muted"), ("default", "Notifications")):
        choose(browser, submitted, level)
        page = browser.get(f"/changes/{submitted.pk}/").content.decode()
        menu = page.partition('class="popover-menu subscription"')[2].partition("</form>")[0]
        assert shown in menu.partition("</summary>")[0]
        assert menu.partition('aria-current="true"')[0].rpartition('value="')[2].startswith(level)


def test_change_that_a_person_may_not_see_is_not_watched(
    submitted: Change, requester2: User, as_person: AsPerson
) -> None:
    assert choose(as_person(requester2), submitted, "watching") == 404
    save_level(requester2, submitted.pk, "watching")
    say(submitted, submitted.requester, "To myself")
    assert told(requester2) == []


def test_unknown_choice_is_refused(submitted: Change, approver: User, as_person: AsPerson) -> None:
    assert choose(as_person(approver), submitted, "loud") == 400
    assert ChangeSubscription.objects.count() == 0
