"""What cannot be told, or may no longer be told, takes no place from what can: in batches, daily mails and rounds."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.models import Change
from portal.changes.workflow import comments
from portal.changes.workflow.comments import NewComment
from portal.notifications import daily_digest, dispatch, inbox, mailer, tasks
from portal.notifications.models import DigestSchedule, Notification, PendingEvent
from tests.rig.mail_server import Post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]


def reachable(user: User) -> User:
    user.email = f"{user.username}@example.com"
    user.save()
    return user


def daily_notices(person: User, change: Change, number: int, first: int, kind: str = "commented") -> None:
    """So many notices that wait for the daily mail, of events from `first` on."""
    Notification.objects.bulk_create(
        Notification(
            recipient=person, kind=kind, change=change, event=first + n, at=timezone.now(), shown=True, daily=True
        )
        for n in range(number)
    )


def come(person: User) -> None:
    DigestSchedule.objects.update_or_create(person=person, defaults={"next_at": timezone.now() - timedelta(seconds=1)})


def sent_to(post: Post) -> list[str]:
    return [str(mail["To"]) for mail in post.box]


@pytest.fixture
def reader(requester2: User) -> User:
    """Somebody who may read only changes of their own."""
    return reachable(requester2)


@pytest.mark.parametrize("hidden", [20, 21, 45])
def test_notices_of_changes_a_person_may_no_longer_see_are_cleared(
    submitted: Change, reader: User, post: Post, hidden: int
) -> None:
    daily_notices(reader, submitted, hidden, first=1)
    come(reader)
    assert daily_digest.send_due_digests() == 0
    assert not Notification.objects.filter(recipient=reader, daily=True).exists(), "cleared, and not looked at again"


@pytest.mark.parametrize("hidden", [20, 60])
def test_newer_notice_is_mailed_the_same_day_behind_many_that_may_not_be_told(
    submitted: Change, requester: User, post: Post, hidden: int
) -> None:
    reachable(requester)
    daily_notices(requester, submitted, hidden, first=1, kind="waiting")  # for those who decide alone
    daily_notices(requester, submitted, 1, first=1000, kind="commented")
    come(requester)
    assert daily_digest.send_due_digests() == 1
    assert sent_to(post) == ["requester@example.com"]
    assert not Notification.objects.filter(daily=True).exists()
    assert Notification.objects.exclude(mailed_at=None).count() == 1


@pytest.mark.parametrize(("number", "listed", "more"), [(20, 20, 0), (21, 20, 1), (75, 20, 55)])
def test_daily_mail_counts_what_it_does_not_list_and_catches_up_each_day(
    submitted: Change, requester: User, post: Post, number: int, listed: int, more: int
) -> None:
    reachable(requester)
    daily_notices(requester, submitted, number, first=1)
    come(requester)
    assert daily_digest.send_due_digests() == 1
    text, html = (str(part.get_content()) for part in post.box[0].iter_parts())
    assert html.count('class="quiet"') == listed
    for part in (text, html):
        assert (f"And {more} more notification" in part) is bool(more)
    assert str(post.box[0]["Subject"]) == f"{number} notifications"
    assert not Notification.objects.filter(daily=True).exists()


def test_worker_lost_while_it_sends_the_daily_mail_loses_no_mail(
    submitted: Change, requester: User, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    reachable(requester)
    daily_notices(requester, submitted, 1, first=1)
    come(requester)

    def lose(*_: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(mailer, "send_mail_to", lose)
        with pytest.raises(SystemExit):
            daily_digest.send_due_digests()
    assert daily_digest.send_due_digests() == 0, "another worker may still be sending it"
    DigestSchedule.objects.update(next_at=F("next_at") - timedelta(minutes=6))
    assert daily_digest.send_due_digests() == 1
    assert sent_to(post) == ["requester@example.com"]
    assert DigestSchedule.objects.get(person=requester).next_at > timezone.now() + timedelta(minutes=6)


@pytest.mark.parametrize("stuck", [200, 450])
def test_events_that_cannot_be_told_hold_up_no_others(
    submitted: Change, approver: User, post: Post, stuck: int
) -> None:
    reachable(approver)
    PendingEvent.objects.all().delete()
    PendingEvent.objects.bulk_create(PendingEvent(event=-n) for n in range(1, stuck + 1))
    PendingEvent.objects.create(event=Event.objects.get(action="change.submitted").pk)
    for _round in range(3):
        dispatch.dispatch_events()
    assert Notification.objects.filter(recipient=approver).exists()
    assert PendingEvent.objects.count() == stuck


def test_event_that_cannot_be_told_is_tried_later_each_time_and_given_up_on_record() -> None:
    PendingEvent.objects.create(event=-1)
    waits = []
    for _round in range(40):
        dispatch.dispatch_events()
        row = PendingEvent.objects.filter(event=-1).first()
        if row is None:
            break
        waits.append(row.next_at - timezone.now())
        PendingEvent.objects.update(next_at=F("next_at") - timedelta(hours=1))
    assert len(waits) == 11
    assert waits == sorted(waits) or waits[-1] <= timedelta(hours=1)
    assert waits[0] < timedelta(seconds=11)
    given_up = json.loads(Event.objects.get(action="notice.given_up").text)
    assert given_up["data"] == {"event": -1, "error": "DoesNotExist"}


def test_event_that_waits_for_its_next_try_is_not_tried_before(caplog: pytest.LogCaptureFixture) -> None:
    PendingEvent.objects.create(event=-1)
    for _round in range(5):
        dispatch.dispatch_events()
    assert PendingEvent.objects.get().tries == 1
    assert len(caplog.records) == 1


@pytest.mark.django_db(transaction=True)
def test_rounds_of_mail_do_not_pile_up_on_the_workers(submitted: Change, approver: User, post: Post) -> None:
    reachable(approver)
    dispatch.dispatch_events()
    held, go = threading.Event(), threading.Event()

    def other_worker() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [tasks._ONE_ROUND])
        held.set()
        go.wait(30)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [tasks._ONE_ROUND])
        connection.close()

    thread = threading.Thread(target=other_worker)
    thread.start()
    assert held.wait(30)
    tasks.send_mail()
    assert post.box == []
    go.set()
    thread.join()
    tasks.send_mail()
    assert len(post.box) == 1


def test_lock_of_a_round_is_given_back_when_the_round_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise RuntimeError

    for _round in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(mailer, "send_due_mail", fail)
            with pytest.raises(RuntimeError):
                tasks.send_mail()


def test_many_comments_are_one_notice_and_few_mails(
    submitted: Change, approver: User, requester: User, post: Post
) -> None:
    reachable(requester)
    for number in range(7):
        comments.post_comment(submitted.pk, NewComment(uuid.uuid4(), f"@requester look: {number}"), by=approver)
        dispatch.dispatch_events()
        mailer.send_due_mail()
    assert len(post.box) == 1
    notice = Notification.objects.get(recipient=requester, kind="mentioned")
    assert notice.count == 7
    (line,) = inbox.build_entries([notice])
    assert "This is the newest of 7 that you have not read." in line.said
    Notification.objects.filter(pk=notice.pk).update(mail_at=timezone.now())
    assert mailer.send_due_mail() == 1
    assert "This is the newest of 7" in post.box[1].as_string()


def test_comment_after_the_notice_was_read_is_a_notice_of_its_own_and_no_mail_at_once(
    submitted: Change, approver: User, requester: User, post: Post
) -> None:
    reachable(requester)
    for number in range(3):
        comments.post_comment(submitted.pk, NewComment(uuid.uuid4(), f"@requester look: {number}"), by=approver)
        dispatch.dispatch_events()
        mailer.send_due_mail()
        inbox.mark_all_read(requester, up_to=10**9)
    assert Notification.objects.filter(recipient=requester, kind="mentioned", count=1).count() == 3
    assert len(post.box) == 1


def test_notice_of_a_kind_that_a_newer_release_knows_holds_up_no_mail(
    submitted: Change, requester: User, post: Post
) -> None:
    reachable(requester)
    daily_notices(requester, submitted, 1, first=1, kind="of-tomorrow")
    daily_notices(requester, submitted, 1, first=2)
    Notification.objects.filter(kind="of-tomorrow").update(mail_at=timezone.now())
    assert mailer.send_due_mail() == 0
    come(requester)
    assert daily_digest.send_due_digests() == 1
    assert Notification.objects.get(kind="of-tomorrow").daily
