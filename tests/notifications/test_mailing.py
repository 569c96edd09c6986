"""Notices by mail, through a real mail server: once, in the person's words, and without what nobody may read."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from portal.accounts.models import User
from portal.accounts.roles import Role, add_to_role
from portal.catalog.models import ApiSecret
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import comments, review, submission
from portal.changes.workflow.comments import NewComment
from portal.notifications import daily_digest, dispatch, mailer
from portal.notifications.dispatch import SUMMARY
from portal.notifications.models import DigestSchedule, Notification, Preference
from tests.changing import approve
from tests.people import mirrored, person
from tests.rig.mail_server import REFUSED, Post
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]


def reachable(user: User, address: str = "", **columns: str) -> User:
    user.email = address or f"{user.username}@example.com"
    for name, value in columns.items():
        setattr(user, name, value)
    user.save()
    return user


def wants(user: User, kind: str, mail: str) -> None:
    Preference.objects.create(person=user, kind=kind, portal=True, mail=mail)


def parts(post: Post, number: int = -1) -> tuple[str, str]:
    """The text and the HTML of a mail."""
    text, html = post.box[number].iter_parts()
    return str(text.get_content()), str(html.get_content())


def test_an_approver_is_mailed_once_with_the_way_to_the_change(submitted: Change, post: Post, approver: User) -> None:
    reachable(approver)
    dispatch.dispatch_events()
    assert mailer.send_due_mail() == 1
    assert mailer.send_due_mail() == 0
    assert len(post.box) == 1
    mail = post.box[0]
    assert mail["To"] == "approver@example.com"
    assert mail["Subject"] == f"{submitted.reference}: A change waits for your decision (GCP)"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = parts(post)
    for part in (text, html):
        assert f"http://localhost:8000/changes/{submitted.pk}/" in part
        assert "requester asks you to review" in part


def test_a_mail_holds_nothing_that_was_typed_or_proposed(
    propose: Callable[..., Proposal], requester: User, approver: User, post: Post
) -> None:
    reachable(approver)
    submission.submit_change(
        propose(value="the-value-itself", url="https://typed.example", notes="typed notes"), by=requester
    )
    dispatch.dispatch_events()
    mailer.send_due_mail()
    raw = post.box[0].as_string() + "".join(parts(post))
    for typed in ("the-value-itself", "typed.example", "typed notes", "The endpoint moves to the EU"):
        assert typed not in raw


def test_mails_of_comments_and_of_requests_for_changes_hold_nothing_of_what_was_said(
    submitted: Change, approver: User, auditor: User, post: Post
) -> None:
    reachable(submitted.requester)
    reachable(auditor)
    comments.post_comment(submitted.pk, NewComment(uuid.uuid4(), "@auditor, look at the typed host"), by=approver)
    digest = submitted.get_current_revision().digest
    review.request_changes(
        submitted.pk, by=approver, revision=1, digest=digest, reason="Another typed host", recent_auth=PRESENT
    )
    dispatch.dispatch_events()
    assert mailer.send_due_mail() == 2
    mails = {mail["To"]: mail["Subject"] for mail in post.box}
    assert mails == {
        "auditor@example.com": f"{submitted.reference}: You were mentioned (GCP)",
        "requester@example.com": f"{submitted.reference}: Changes requested on your change (GCP)",
    }
    for number in range(2):
        assert not any("typed" in part for part in parts(post, number))


def test_whoever_may_no_longer_see_the_change_is_not_mailed_that_they_are_mentioned(
    submitted: Change, approver: User, approver2: User, post: Post
) -> None:
    reachable(approver2)
    add_to_role(approver2, Role.REQUESTER)
    comments.post_comment(submitted.pk, NewComment(uuid.uuid4(), "@approver2, look at this"), by=approver)
    dispatch.dispatch_events()
    assert Notification.objects.filter(recipient=approver2, kind="mentioned").exists()
    approver2.groups.remove(Group.objects.get(name=Role.APPROVER))
    assert mailer.send_due_mail() == 0


def test_a_mail_is_in_the_language_and_the_time_zone_of_its_reader(
    submitted: Change, approver: User, post: Post
) -> None:
    reachable(approver, language="pt-br", time_zone="America/Sao_Paulo")
    dispatch.dispatch_events()
    Notification.objects.update(at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    mailer.send_due_mail()
    assert "Uma mudança espera sua decisão" in str(post.box[0]["Subject"])
    text, html = parts(post)
    assert "pede que você analise" in text
    assert 'lang="pt-br"' in html
    assert "00:04" in text
    assert "-03" in text


def test_several_notices_of_one_person_go_in_one_mail(
    propose: Callable[..., Proposal], requester: User, approver: User, post: Post
) -> None:
    reachable(approver)
    for identifier in (43, 44, 45):
        mirrored(identifier, f"secret-{identifier}")
        submission.submit_change(propose(identifier=identifier), by=requester)
    dispatch.dispatch_events()
    mailer.send_due_mail()
    assert [mail["Subject"] for mail in post.box] == ["3 notifications"]
    assert parts(post)[1].count('class="button"') == 3


@pytest.mark.parametrize("name", ["two\nlines", "<b>bold</b>", "right\u202eleft", "x" * 400])
def test_an_odd_name_of_a_secret_can_neither_break_a_mail_nor_speak_in_it(
    name: str, propose: Callable[..., Proposal], requester: User, approver: User, post: Post, secret: ApiSecret
) -> None:
    reachable(approver)
    ApiSecret.objects.filter(pk=secret.pk).update(name=name)
    submission.submit_change(propose(), by=requester)
    dispatch.dispatch_events()
    assert mailer.send_due_mail() == 1
    html = parts(post)[1]
    assert "<b>bold" not in html
    assert "\u202e" not in html
    assert len(str(post.box[0]["Subject"])) < 200


def test_whoever_lost_the_right_or_was_switched_off_meanwhile_is_not_mailed(
    submitted: Change, approver: User, approver2: User, post: Post
) -> None:
    reachable(approver)
    reachable(approver2)
    dispatch.dispatch_events()
    approver.groups.clear()
    User.objects.filter(pk=approver2.pk).update(is_active=False)
    assert mailer.send_due_mail() == 0
    assert post.box == []
    assert not Notification.objects.exclude(mail_at=None).exists()


def test_nobody_is_mailed_of_a_decision_that_is_no_longer_asked_for(
    submitted: Change, approver: User, approver2: User, post: Post
) -> None:
    reachable(approver2)
    dispatch.dispatch_events()
    approve(submitted, approver)
    dispatch.dispatch_events()
    assert mailer.send_due_mail() == 0


def test_an_address_that_is_refused_costs_the_others_nothing_and_is_tried_again_later(
    submitted: Change, approver: User, approver2: User, post: Post
) -> None:
    reachable(approver, REFUSED)
    reachable(approver2)
    dispatch.dispatch_events()
    assert mailer.send_due_mail() + mailer.send_due_mail() == 1
    assert [mail["To"] for mail in post.box] == ["approver2@example.com"]
    waiting = Notification.objects.get(recipient=approver)
    assert waiting.mail_at is not None
    assert waiting.mail_at > timezone.now() + timedelta(seconds=50)


def test_a_mail_server_that_is_away_loses_nothing(
    submitted: Change, approver: User, settings: Settings, post: Post
) -> None:
    reachable(approver)
    dispatch.dispatch_events()
    right, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert mailer.send_due_mail() == 0
    settings.EMAIL_PORT = right
    assert mailer.send_due_mail() == 0, "not before its time"
    Notification.objects.update(mail_at=timezone.now())
    assert mailer.send_due_mail() == 1
    assert len(post.box) == 1


def test_an_address_that_never_takes_a_mail_is_given_up(submitted: Change, approver: User, post: Post) -> None:
    reachable(approver, REFUSED)
    dispatch.dispatch_events()
    for _ in range(12):
        Notification.objects.exclude(mail_at=None).update(mail_at=timezone.now())
        mailer.send_due_mail()
    notice = Notification.objects.get(recipient=approver)
    assert (notice.mail_at, notice.mailed_at, notice.mail_tries) == (None, None, 12)


@pytest.mark.django_db(transaction=True)
def test_mailers_side_by_side_mail_once(submitted: Change, approver: User, post: Post) -> None:
    reachable(approver)
    dispatch.dispatch_events()
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        mailer.send_due_mail()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(post.box) == 1


def test_without_a_mail_server_nothing_is_queued_for_it(submitted: Change, approver: User) -> None:
    reachable(approver)
    reachable(submitted.requester)
    approve(submitted, approver)
    dispatch.dispatch_events()
    assert Notification.objects.get().mail_at is None
    assert mailer.send_due_mail() == daily_digest.send_due_digests() == 0


@pytest.fixture
def decided_daily(approver: User) -> User:
    wants(approver, "waiting", "never")
    return reachable(approver)


def come(user: User) -> None:
    """The hour of this person's daily mail."""
    DigestSchedule.objects.update_or_create(person=user, defaults={"next_at": timezone.now() - timedelta(seconds=1)})


def test_the_daily_mail_lists_what_waits_the_oldest_first_and_goes_once_a_day(
    propose: Callable[..., Proposal], requester: User, decided_daily: User, post: Post
) -> None:
    made = []
    for identifier in (43, 44):
        mirrored(identifier, f"secret-{identifier}")
        made.append(submission.submit_change(propose(identifier=identifier), by=requester))
    come(decided_daily)
    assert daily_digest.send_due_digests() == 1
    assert daily_digest.send_due_digests() == 0
    assert post.box[0]["Subject"] == "2 changes wait for your decision"
    text = parts(post)[0]
    assert text.index(made[0].reference) < text.index(made[1].reference)


def test_where_nothing_waits_or_it_is_not_wanted_there_is_no_daily_mail(
    submitted: Change, decided_daily: User, approver2: User, post: Post
) -> None:
    reachable(approver2)
    approve(submitted, approver2)
    come(decided_daily)
    assert daily_digest.send_due_digests() == 0


def test_the_daily_mail_of_somebody_who_does_not_want_it_is_not_sent(
    submitted: Change, decided_daily: User, post: Post
) -> None:
    wants(decided_daily, SUMMARY, "never")
    come(decided_daily)
    assert daily_digest.send_due_digests() == 0


def test_a_requester_who_may_decide_is_not_reminded_of_an_own_change(submitted: Change, post: Post) -> None:
    requester = reachable(submitted.requester)
    add_to_role(requester, Role.APPROVER)
    come(requester)
    assert daily_digest.send_due_digests() == 0


def test_what_somebody_wants_once_a_day_waits_for_the_daily_mail(submitted: Change, approver: User, post: Post) -> None:
    requester = reachable(submitted.requester)
    wants(requester, "approved", "daily")
    approve(submitted, approver)
    dispatch.dispatch_events()
    assert mailer.send_due_mail() == 0
    assert daily_digest.send_due_digests() == 0, "its hour has not come"
    come(requester)
    assert daily_digest.send_due_digests() == 1
    assert "Your change was approved" in str(post.box[0]["Subject"])
    come(requester)
    assert daily_digest.send_due_digests() == 0


def test_a_daily_mail_that_could_not_be_sent_is_tried_again_the_same_day(
    submitted: Change, decided_daily: User, post: Post
) -> None:
    reachable(decided_daily, REFUSED)
    come(decided_daily)
    assert daily_digest.send_due_digests() == 0
    assert DigestSchedule.objects.get(person=decided_daily).next_at < timezone.now() + timedelta(minutes=16)


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("", "2026-05-04T07:59:00+00:00", "2026-05-04T08:00:00+00:00"),
        ("", "2026-05-04T08:00:00+00:00", "2026-05-05T08:00:00+00:00"),
        ("America/Sao_Paulo", "2026-05-04T07:59:00+00:00", "2026-05-04T11:00:00+00:00"),
        ("Europe/Berlin", "2026-03-28T12:00:00+00:00", "2026-03-29T06:00:00+00:00"),
        ("No/Such", "2026-05-04T07:59:00+00:00", "2026-05-04T08:00:00+00:00"),
    ],
)
def test_the_hour_is_that_of_the_persons_own_day(zone: str, now: str, expected: str) -> None:
    user = person("somebody")
    user.time_zone = zone
    assert daily_digest.next_digest_at(user, datetime.fromisoformat(now)) == datetime.fromisoformat(expected)


def test_a_name_with_line_ends_adds_no_header_to_a_mail(submitted: Change, post: Post, approver: User) -> None:
    reachable(approver)
    submitted.secret_name = "GCP\r\nBcc: somebody@example.com\nX-More: 1"
    submitted.save()
    dispatch.dispatch_events()
    assert mailer.send_due_mail() == 1
    mail = post.box[0]
    assert (mail["Bcc"], mail["X-More"], mail["To"]) == (None, None, "approver@example.com")
    assert "Bcc: somebody@example.com" in mail["Subject"]
