"""Checkpoints that leave the machine by mail: the newest one, now and then, to every auditor with an address."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.roles import Right, holders
from portal.audit.ledger import record
from portal.audit.models import Checkpoint
from portal.audit.standing import public_key

_log = logging.getLogger(__name__)


def mail() -> list[str]:
    """Send the newest checkpoint and put on record who was reached: their names. Silent where no mail is configured.

    Somebody who cannot be reached costs the others nothing; where nobody was, nothing is on record, and the next
    call tries again.
    """
    newest = Checkpoint.objects.first()
    auditors = list(holders(Right.AUDIT).exclude(email="").order_by("username"))
    if not settings.EMAIL_HOST or newest is None:
        return []
    reached = [auditor.username for auditor in auditors if _sent(auditor, newest)]
    if reached:
        missed = sorted({auditor.username for auditor in auditors} - set(reached))
        record("audit.checkpoint_mailed", data={"leaves": newest.size, "reached": reached, "missed": missed})
    return reached


def _sent(auditor: User, checkpoint: Checkpoint) -> bool:
    context = {"auditor": auditor, "checkpoint": checkpoint, "key": public_key(checkpoint), "url": settings.BASE_URL}
    message = EmailMessage(
        _("Audit log: checkpoint of %(size)s events") % {"size": checkpoint.size},
        render_to_string("audit/checkpoint_mail.txt", context).lstrip(),
        to=[auditor.email],
    )
    # As bytes: mail servers break lines of text anew, and the signature is over these.
    message.attach(f"checkpoint-{checkpoint.size}.txt", checkpoint.note.encode(), "application/octet-stream")
    try:
        return bool(message.send())
    except (smtplib.SMTPException, OSError) as error:
        _log.warning("the checkpoint could not be mailed to %s: %s", auditor.username, type(error).__name__)
        return False
