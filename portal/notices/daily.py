"""The daily mail: what waits for a person's decision, the oldest first, and what they chose to hear of once a day."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import Right, holders, rights_of
from portal.changes.models import Change
from portal.notices import mailing
from portal.notices.kinds import KINDS, Mail
from portal.notices.mailing import Letter
from portal.notices.models import Daily, Notice
from portal.notices.telling import SUMMARY, wishes
from portal.pages.personal import zone_of

SHOWN = 20
_AGAIN = timedelta(minutes=15)
_LEASE = timedelta(minutes=5)


def send_due() -> int:
    """Send the daily mails that are due; return how many left. Nothing to tell is no mail.

    A worker that is lost in between loses no mail: it holds the row for as long as _LEASE, and then it is due again.
    """
    if not settings.EMAIL_HOST:
        return 0
    _appoint()
    begun, sent = time.monotonic(), 0
    for daily in Daily.objects.filter(next_at__lte=timezone.now()).select_related("person").order_by("next_at"):
        if time.monotonic() - begun > mailing.PATIENCE_S:
            break
        person = daily.person
        mine = Daily.objects.filter(pk=person.pk, next_at=daily.next_at)
        if not mine.update(next_at=timezone.now() + _LEASE):
            continue
        letter = _letter(person)
        told = bool(letter.notices or letter.waiting)
        if told and not mailing.mail(person, letter):
            Daily.objects.filter(pk=person.pk).update(next_at=timezone.now() + _AGAIN)
            break
        mailing.mailed(letter.told)
        Daily.objects.filter(pk=person.pk).update(next_at=next_mail(person))
        sent += told
    return sent


def next_mail(person: User, now: datetime | None = None) -> datetime:
    """The next DAILY_MAIL_HOUR of the person's own day."""
    local = (now or timezone.now()).astimezone(zone_of(person))
    at = local.replace(hour=settings.DAILY_MAIL_HOUR, minute=0, second=0, microsecond=0)
    return at if at > local else at + timedelta(days=1)


def _appoint() -> None:
    """Give everybody who decides, or chose to hear of something once a day, their next hour."""
    unmailed = Notice.objects.filter(daily=True).values("recipient_id")
    people = _reachable().filter(Q(pk__in=holders(Right.DECIDE).values("pk")) | Q(pk__in=unmailed))
    new = people.exclude(pk__in=Daily.objects.values("person_id"))
    Daily.objects.bulk_create(
        [Daily(person=person, next_at=next_mail(person)) for person in new], ignore_conflicts=True
    )


def _reachable() -> QuerySet[User]:
    return User.objects.filter(is_active=True).exclude(email="")


def _letter(person: User) -> Letter:
    if not person.email:
        return Letter(())
    own = Notice.objects.filter(recipient=person, daily=True, kind__in=KINDS).select_related("change").order_by("pk")
    notices = mailing.take_allowed(person, list(own))
    waiting: list[Change] = []
    wish = wishes([person], [SUMMARY])[person.pk, SUMMARY]
    if wish.mail == Mail.DAILY and Right.DECIDE in rights_of(person) and mailing.holders_include(person):
        found = Change.objects.awaiting_decision_by(person).select_related("requester").order_by("created_at", "pk")
        waiting = list(found[: SHOWN + 1])
    return Letter(notices[:SHOWN], waiting[:SHOWN], more=len(waiting) > SHOWN, unlisted=notices[SHOWN:])
