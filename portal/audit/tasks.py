"""Celery's door to the log: sealing every few seconds; now and then, and when asked to, verifying and mailing.

These tasks have a queue of their own, so that the one process that has the signing key takes nothing else.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError

from portal.audit import mailed, sealing
from portal.audit.models import Event
from portal.audit.published import LogWasCut
from portal.audit.verification import verify_on_record
from portal.celery import app

_log = logging.getLogger(__name__)
_ASKED = "audit-verification"
_LONGEST_S = 6 * 3600


@app.task(name="audit.seal")
def seal() -> None:
    """Seal what waits. A worker without a key leaves it to those that have one."""
    try:
        sealing.seal()
    except sealing.NoKey:
        return
    except (sealing.NotHandedOver, sealing.LogWasAltered, LogWasCut, OSError) as error:
        _log.error("the audit log cannot be sealed: %s", error)


@app.task(name="audit.verify", time_limit=_LONGEST_S)
def verify(by: str = "") -> None:
    """Verify the whole log, on record."""
    try:
        report = verify_on_record(by=by)
    finally:
        cache.delete(_ASKED)
    if not report.intact:
        _log.critical("the audit log is not intact: %s", report.findings[0])


@app.task(name="audit.due")
def due() -> None:
    """What is to be done now and then, by what the log says was done last: a clock that restarts forgets nothing."""
    if _long_ago("audit.checkpoint_mailed", settings.AUDIT_MAIL_EVERY_S):
        mailed.mail()
    if _long_ago("audit.verified", settings.AUDIT_VERIFY_EVERY_S):
        ask_for_verification(by="")


def _long_ago(action: str, every_s: float) -> bool:
    last = Event.objects.filter(action=action).first()
    return last is None or last.at <= timezone.now() - timedelta(seconds=every_s)


def ask_for_verification(*, by: str) -> bool:
    """Hand one to a worker, unless one is on its way already; False if the queue cannot be reached."""
    if not cache.add(_ASKED, True, _LONGEST_S):
        return True
    try:
        verify.delay(by)
    except (OperationalError, OSError):
        cache.delete(_ASKED)
        return False
    return True
