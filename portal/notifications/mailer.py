"""Notifications by mail, in the user's language and time zone, without any text that was typed or proposed.

Each notification is claimed before it is sent and marked afterwards, so it is sent once. It is sent twice only if a
worker dies after the mail server's acceptance and before the mark, and then under the same Message-ID.
"""

from __future__ import annotations

import logging
import smtplib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import ngettext

from portal.accounts.models import User
from portal.accounts.roles import rights_of, users_with_right
from portal.changes.models import Change
from portal.changes.presenters import change_rows
from portal.notifications import inbox
from portal.notifications.models import Notification
from portal.notifications.routing import NOTIFICATION_TYPES, RIGHTS
from portal.web.user_locale import get_user_timezone

PATIENCE_S = 30.0
"""Seconds after the start of a round in which mails may begin, so that a slow mail server blocks one worker at most."""
_LEASE = timedelta(minutes=5)
_MOST = 50
_TRIES = 12
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MailContent:
    """Content of one mail to one user: notifications and, in the daily digest, changes that wait for a decision."""

    notices: Sequence[Notification]
    waiting: Sequence[Change] = ()
    more: bool = False
    unlisted: Sequence[Notification] = ()

    @property
    def told(self) -> list[Notification]:
        """Notifications that the mail covers, including those that it only counts."""
        return [*self.notices, *self.unlisted]


def send_due_mail() -> int:
    """Send the due notifications, one mail per user, and return the number of mails sent.

    The round ends if the mail server does not accept a mail.
    """
    if not settings.EMAIL_HOST:
        return 0
    begun, sent = time.monotonic(), 0
    due = Notification.objects.filter(mail_at__lte=timezone.now(), kind__in=NOTIFICATION_TYPES).order_by("mail_at")
    for person in User.objects.filter(pk__in=due.values_list("recipient", flat=True)[:_MOST]):
        if time.monotonic() - begun > PATIENCE_S:
            break
        claimed = _claim(person)
        if not claimed:
            continue
        if not send_mail_to(person, MailContent(claimed)):
            _postpone(claimed)
            break
        sent += 1
        mark_mailed(claimed)
    return sent


def still_allowed_for(person: User, notices: Sequence[Notification]) -> list[Notification]:
    """Return the notifications that the user may still receive, who may have been disabled or lost a right since."""
    if not person.email or not is_active_holder(person):
        return []
    rights = rights_of(person)
    seen = [
        notice
        for notice in notices
        if (notice.change is None or change_rows.can_view(notice.change.requester_id, person))
        and not _is_settled(notice)
    ]
    return [notice for notice in seen if RIGHTS[notice.about.audience] & rights]


def _is_settled(notice: Notification) -> bool:
    """Return whether the notification asks for the decision of a proposal that is closed."""
    return notice.kind == "proposed" and notice.proposal is not None and not notice.proposal.is_open


def is_active_holder(person: User) -> bool:
    """Return whether the user is active and has any right; a demo account counts only in the demo."""
    return any(users_with_right(right).filter(pk=person.pk).exists() for right in rights_of(person))


def mark_mailed(notices: Sequence[Notification]) -> None:
    keys = [notice.pk for notice in notices]
    Notification.objects.filter(pk__in=keys).update(mailed_at=timezone.now(), mail_at=None, daily=False)


def _claim(person: User) -> list[Notification]:
    """Claim the user's due notifications that no other worker is sending, without those the user may no longer see."""
    now = timezone.now()
    due = Notification.objects.filter(recipient=person, mail_at__lte=now, kind__in=NOTIFICATION_TYPES)
    due = due.select_related("change", "proposal__subject").order_by("pk")
    return [notice for notice in take_allowed(person, list(due[:_MOST])) if _won(notice, now)]


def take_allowed(person: User, notices: Sequence[Notification]) -> list[Notification]:
    """Return the notifications that the user may still see, and cancel the mails for the others."""
    allowed = still_allowed_for(person, notices)
    kept = {notice.pk for notice in allowed}
    gone = [notice.pk for notice in notices if notice.pk not in kept]
    Notification.objects.filter(pk__in=gone).update(mail_at=None, daily=False)
    return allowed


def _won(notice: Notification, now: datetime) -> bool:
    as_seen = Notification.objects.filter(pk=notice.pk, mail_at=notice.mail_at)
    return bool(as_seen.update(mail_at=now + _LEASE, mail_tries=F("mail_tries") + 1))


def _postpone(notices: Sequence[Notification]) -> None:
    """Postpone the mail, each time for longer; after _TRIES attempts, about 13 hours, give it up."""
    for notice in notices:
        tries = notice.mail_tries + 1
        later = timezone.now() + timedelta(minutes=min(2 ** (tries - 1), 180))
        Notification.objects.filter(pk=notice.pk).update(mail_at=None if tries >= _TRIES else later)


def send_mail_to(person: User, letter: MailContent) -> bool:
    """Send the content in the user's language; return False if the mail server did not accept it."""
    with translation.override(person.language or settings.LANGUAGE_CODE), timezone.override(get_user_timezone(person)):
        message = build_message(person, letter)
    try:
        return bool(message.send())
    except (smtplib.SMTPException, OSError) as error:
        _log.warning("a notice could not be mailed to %s: %s", person.username, type(error).__name__)
        return False


def build_message(person: User, letter: MailContent) -> EmailMultiAlternatives:
    """Return the mail in the active language and time zone."""
    lines = inbox.build_entries(letter.notices)
    subject = _subject(letter, lines)
    context = {
        "person": person,
        "lines": lines,
        "waiting": [(change, inbox.to_single_line(change.secret_name)) for change in letter.waiting],
        "more": letter.more,
        "unlisted": len(letter.unlisted),
        "url": settings.BASE_URL,
        "subject": subject,
    }
    message = EmailMultiAlternatives(
        subject,
        render_to_string("notifications/mail.txt", context).strip() + "\n",
        to=[person.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string("notifications/mail.html", context), "text/html")
    if letter.notices:  # a mail that is sent twice keeps its Message-ID
        host = urlsplit(settings.BASE_URL).hostname
        message.extra_headers["Message-ID"] = f"<notice-{letter.notices[0].pk}-{len(letter.notices)}@{host}>"
    return message


def _subject(letter: MailContent, lines: Sequence[inbox.InboxEntry]) -> str:
    if letter.waiting:
        count = f"{len(letter.waiting)}+" if letter.more else str(len(letter.waiting))
        return ngettext(
            "%(count)s change waits for your decision", "%(count)s changes wait for your decision", len(letter.waiting)
        ) % {"count": count}
    told = len(letter.told)
    if told > 1:
        return ngettext("%(count)d notification", "%(count)d notifications", told) % {"count": told}
    line = lines[0]
    if not line.reference:
        return line.title
    return f"{line.reference}: {line.title} ({line.secret or line.person})"
