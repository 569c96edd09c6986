"""Checkpoints that leave the machine by mail: the newest one, now and then, to every auditor with an address."""

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
"""No mail is begun later than this after the first, so that a slow mail server keeps the sealer from nothing else."""


class ServerAway(Exception):
    """The mail server took no mail: the next one would fail as well."""


def mail_checkpoint() -> list[str]:
    """Send the newest checkpoint to those who have not had it in this round; the names of those reached by this call.

    Silent where no mail is configured. Each auditor reached is noted at once, so that a lost worker costs no auditor a
    mail and sends none twice. An address that cannot be reached costs the others nothing; a server that is away ends
    the call, and the next one goes on. The event comes at the end of the round.
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
    """Who was reached in the round that has begun and not ended; a new one begins where there is none."""
    now = timezone.now()
    began = routines.begun_at(routines.MAIL)
    if began is not None and now - began < timedelta(seconds=settings.AUDIT_MAIL_EVERY_S):
        return [str(name) for name in routines.data_of(routines.MAIL).get("reached", [])]
    routines.mark_begun(routines.MAIL, at=now)
    routines.save_data(routines.MAIL, {})
    return []


def _end(checkpoint: Checkpoint, reached: list[str], asked: list[str]) -> None:
    """On record, unless nobody was reached: then the next call tries again."""
    if reached:
        missed = sorted({*asked} - {*reached})
        data = {"leaves": checkpoint.size, "reached": reached, "missed": missed}
        number = record_event("audit.checkpoint_mailed", data=data)
        routines.mark_done(routines.MAIL, at=timezone.now(), event=number)


def _sent(auditor: User, checkpoint: Checkpoint) -> bool:
    """Whether the server took it for this address. Raises ServerAway."""
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
    # As bytes: mail servers break lines of text anew, and the signature is over these.
    message.attach(f"checkpoint-{checkpoint.size}.txt", checkpoint.note.encode(), "application/octet-stream")
    try:
        return bool(message.send())
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
        _log.warning("the checkpoint could not be mailed to %s: %s", auditor.username, type(error).__name__)
        return False
    except (smtplib.SMTPException, OSError) as error:
        _log.warning("the checkpoint could not be mailed to %s: %s", auditor.username, type(error).__name__)
        raise ServerAway from None
