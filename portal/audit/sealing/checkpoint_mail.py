"""Checkpoints sent by email: the newest one goes periodically to every auditor with an email address."""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta
from time import monotonic

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.roles import Right, users_with_right
from portal.audit import routines
from portal.audit.ledger import record_event
from portal.audit.models import Checkpoint
from portal.audit.sealing.status import announced_public_key

_log = logging.getLogger(__name__)


PATIENCE_S = 30.0
"""Seconds within which a call begins new emails, so that a slow mail server does not block the sealer."""


class ServerAway(Exception):
    """A mail server that accepts no email: the next email would fail as well."""


def mail_checkpoint() -> list[str]:
    """Send the newest checkpoint to the auditors who lack it in this round; return the usernames reached by this call.

    Returns [] if no mail server is configured. Each auditor reached is stored at once, so that a lost worker neither
    skips an auditor nor sends an email twice. An address that cannot be reached does not affect the others. A server
    that is down ends the call, and the next call continues. The event is recorded at the end of the round.
    """
    newest, begun = Checkpoint.objects.first(), monotonic()
    auditors = list(users_with_right(Right.AUDIT).exclude(email="").order_by("username"))
    if not settings.EMAIL_HOST or newest is None:
        return []
    before = _round()
    reached: list[str] = []
    try:
        for auditor in auditors:
            if auditor.username in before:
                continue
            if monotonic() - begun > PATIENCE_S:
                return reached
            if _sent(auditor, newest):
                reached.append(auditor.username)
                routines.save_data(routines.MAIL, {"reached": [*before, *reached]})
    except ServerAway:
        return reached
    _end(newest, sorted([*before, *reached]), [auditor.username for auditor in auditors])
    return reached


def _round() -> list[str]:
    """Return the auditors reached in the current round; begin a new round if the last one is over."""
    now = timezone.now()
    began = routines.begun_at(routines.MAIL)
    if began is not None and now - began < timedelta(seconds=settings.AUDIT_MAIL_EVERY_S):
        return [str(name) for name in routines.data_of(routines.MAIL).get("reached", [])]
    routines.mark_begun(routines.MAIL, at=now)
    routines.save_data(routines.MAIL, {})
    return []


def _end(checkpoint: Checkpoint, reached: list[str], asked: list[str]) -> None:
    """Record the end of the round, unless no auditor was reached: then the next call tries again."""
    if reached:
        missed = sorted({*asked} - {*reached})
        data = {"leaves": checkpoint.size, "reached": reached, "missed": missed}
        number = record_event("audit.checkpoint_mailed", data=data)
        routines.mark_done(routines.MAIL, at=timezone.now(), event=number)


def _sent(auditor: User, checkpoint: Checkpoint) -> bool:
    """Send the checkpoint to an auditor; return whether the server accepted it for this address. Raises ServerAway."""
    context = {
        "auditor": auditor,
        "checkpoint": checkpoint,
        "key": announced_public_key(checkpoint),
        "url": settings.BASE_URL,
    }
    message = EmailMessage(
        _("Audit log: checkpoint of %(size)s events") % {"size": checkpoint.size},
        render_to_string("audit/checkpoint_mail.txt", context).lstrip(),
        to=[auditor.email],
    )
    # As bytes: mail servers wrap lines of text again, and the signature covers the original lines.
    message.attach(f"checkpoint-{checkpoint.size}.txt", checkpoint.note.encode(), "application/octet-stream")
    try:
        return bool(message.send())
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
        _log.warning("the checkpoint could not be mailed to %s: %s", auditor.username, type(error).__name__)
        return False
    except (smtplib.SMTPException, OSError) as error:
        _log.warning("the checkpoint could not be mailed to %s: %s", auditor.username, type(error).__name__)
        raise ServerAway from None
