"""Daily digest: changes that wait for a user's decision, oldest first, and notifications chosen for the digest."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import Right, rights_of, users_with_right
from portal.changes.models import Change
from portal.notifications import mailer
from portal.notifications.dispatch import SUMMARY, load_preferences
from portal.notifications.mailer import MailContent
from portal.notifications.models import DigestSchedule, Notification
from portal.notifications.routing import NOTIFICATION_TYPES, MailTiming
from portal.web.user_locale import get_user_timezone

SHOWN = 20
_AGAIN = timedelta(minutes=15)
_LEASE = timedelta(minutes=5)


def send_due_digests() -> int:
    """Send the daily digests that are due and return how many were sent. An empty digest is not sent.

    If a worker dies meanwhile, no digest is lost: the worker claims the row for _LEASE, and then the digest is due
    again.
    """
    if not settings.EMAIL_HOST:
        return 0
    _appoint()
    begun, sent = time.monotonic(), 0
    due = DigestSchedule.objects.filter(next_at__lte=timezone.now()).order_by("next_at")
    for daily in due.select_related("person"):
        if time.monotonic() - begun > mailer.PATIENCE_S:
            break
        person = daily.person
        mine = DigestSchedule.objects.filter(pk=person.pk, next_at=daily.next_at)
        if not mine.update(next_at=timezone.now() + _LEASE):
            continue
        letter = _letter(person)
        told = bool(letter.notices or letter.waiting)
        if told and not mailer.send_mail_to(person, letter):
            DigestSchedule.objects.filter(pk=person.pk).update(next_at=timezone.now() + _AGAIN)
            break
        mailer.mark_mailed(letter.told)
        DigestSchedule.objects.filter(pk=person.pk).update(next_at=next_digest_at(person))
        sent += told
    return sent


def next_digest_at(person: User, now: datetime | None = None) -> datetime:
    """Return the next DAILY_MAIL_HOUR in the user's time zone."""
    local = (now or timezone.now()).astimezone(get_user_timezone(person))
    at = local.replace(hour=settings.DAILY_MAIL_HOUR, minute=0, second=0, microsecond=0)
    return at if at > local else at + timedelta(days=1)


def _appoint() -> None:
    """Schedule the first digest of each user who may decide or has notifications for the digest."""
    unmailed = Notification.objects.filter(daily=True).values("recipient_id")
    people = _reachable().filter(Q(pk__in=users_with_right(Right.DECIDE).values("pk")) | Q(pk__in=unmailed))
    new = people.exclude(pk__in=DigestSchedule.objects.values("person_id"))
    DigestSchedule.objects.bulk_create(
        [DigestSchedule(person=person, next_at=next_digest_at(person)) for person in new], ignore_conflicts=True
    )


def _reachable() -> QuerySet[User]:
    return User.objects.filter(is_active=True).exclude(email="")


def _letter(person: User) -> MailContent:
    if not person.email:
        return MailContent(())
    own = (
        Notification.objects.filter(recipient=person, daily=True, kind__in=NOTIFICATION_TYPES)
        .select_related("change", "proposal__subject")
        .order_by("pk")
    )
    notices = mailer.take_allowed(person, list(own))
    waiting: list[Change] = []
    wish = load_preferences([person], [SUMMARY])[person.pk, SUMMARY]
    if wish.mail == MailTiming.DAILY and Right.DECIDE in rights_of(person) and mailer.is_active_holder(person):
        found = Change.objects.awaiting_decision_by(person).select_related("requester").order_by("created_at", "pk")
        waiting = list(found[: SHOWN + 1])
    return MailContent(notices[:SHOWN], waiting[:SHOWN], more=len(waiting) > SHOWN, unlisted=notices[SHOWN:])
