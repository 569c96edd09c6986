"""Sending of links to choose a password: the worker makes the token when it sends the mail, and stores it nowhere."""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from portal.audit.ledger import record_event
from portal.governance import password_links
from portal.governance.models import PasswordLink

_RETRY = timedelta(minutes=2)
_MOST = 20
_log = logging.getLogger(__name__)


def send_due_links() -> int:
    """Send the links that are due and return their number; the round ends if the mail server does not accept one.

    A link that was not accepted within its lifetime is given up. One round at a time is for the caller to ensure.
    """
    sent = 0
    if not settings.EMAIL_HOST:
        return sent
    due = PasswordLink.objects.filter(next_at__lte=Now()).select_related("person", "asked_by").order_by("next_at")
    for link in due[:_MOST]:
        # Before the mail: a worker that dies leaves a link that is tried again, and no busy loop.
        if not _as_seen(link).update(next_at=Now() + _RETRY):
            continue
        if password_links.find_link_obstacle(link.person) or link.asked_at < timezone.now() - password_links.LIFETIME:
            _close(link, "account.link_given_up")
        elif _send(link):
            _close(link, "account.link_mailed")
            sent += 1
        else:
            break
    return sent


def _as_seen(link: PasswordLink) -> QuerySet[PasswordLink]:
    return PasswordLink.objects.filter(pk=link.pk, next_at=link.next_at)


def _send(link: PasswordLink) -> bool:
    try:
        return bool(password_links.build_mail(link).send())
    except (smtplib.SMTPException, OSError) as error:
        _log.warning("a link could not be mailed to %s: %s", link.person.username, type(error).__name__)
        return False


@transaction.atomic
def _close(link: PasswordLink, action: str) -> None:
    mailed = {"mailed_at": Now()} if action == "account.link_mailed" else {}
    PasswordLink.objects.filter(pk=link.pk).update(next_at=None, **mailed)
    record_event(action, data={"person": link.person.username, "purpose": link.purpose})
