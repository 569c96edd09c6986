"""Celery's door to the log: sealing every few seconds; now and then, and when asked to, verifying and mailing.

These tasks have a queue of their own, so that the one process that has the signing key takes nothing else. No message
says who asked: it names the event that does.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError

from portal.audit import routines
from portal.audit.ledger import record_event
from portal.audit.models import Event
from portal.audit.sealing import checkpoint_mail, sealer
from portal.audit.sealing.checkpoint_files import LogTruncated
from portal.audit.sealing.clock import ClocksDiffer
from portal.audit.verification.recorded import verify_and_record
from portal.celery import app

_log = logging.getLogger(__name__)
_ASKED = "audit-verification"
_ACTION = "audit.verification_asked"
_LONGEST_S = 6 * 3600
_MAIL_S = 120


@app.task(name="audit.seal")
def seal_log() -> None:
    """Seal what waits. A worker without a key leaves it to those that have one."""
    try:
        sealer.seal_pending_events()
    except sealer.NoSigningKey:
        return
    except (sealer.KeyNotHandedOver, sealer.LogWasAltered, LogTruncated, ClocksDiffer, OSError) as error:
        _log.error("the audit log cannot be sealed: %s", error)


@app.task(name="audit.verify", time_limit=_LONGEST_S)
def run_verification(asked: int | None = None) -> None:
    """Verify the whole log, on record: as the schedule has it, or as the event `asked` says, once for each."""
    if asked is None and not _long_ago(routines.VERIFY, settings.AUDIT_VERIFY_EVERY_S):
        return  # its message waited behind another one
    try:
        by = "" if asked is None else _asker(asked)
        if by is None:
            _log.warning("no verification was asked for by event %d, or it was done", asked)
            return
        report = verify_and_record(by=by, asked=asked)
    finally:
        cache.delete(_ASKED)
    if not report.intact:
        _log.critical("the audit log is not intact: %s", report.findings[0])


@app.task(name="audit.mail", time_limit=_MAIL_S)
def mail_checkpoints() -> None:
    """Mail the newest checkpoint to auditors who have not had it, for half a minute at most."""
    checkpoint_mail.mail_checkpoint()


@app.task(name="audit.due")
def run_due_jobs() -> None:
    """Hand out what is to be done now and then: one at a time, so that one process is always free to seal."""
    if _under_way(routines.VERIFY):
        return
    with suppress(OperationalError, OSError):  # the next time comes
        if _long_ago(routines.VERIFY, settings.AUDIT_VERIFY_EVERY_S):
            run_verification.delay()
        elif _long_ago(routines.MAIL, settings.AUDIT_MAIL_EVERY_S):
            mail_checkpoints.delay()


def _long_ago(name: str, every_s: float) -> bool:
    last = routines.done_at(name)
    return last is None or last <= timezone.now() - timedelta(seconds=every_s)


def _under_way(name: str) -> bool:
    """Begun, and not so long ago that its worker must have been lost."""
    begun = routines.begun_at(name)
    return begun is not None and begun > timezone.now() - timedelta(seconds=_LONGEST_S)


def _asker(asked: int) -> str | None:
    """The name of who asked by this event; None where none did, or the answer is on record."""
    event = Event.objects.filter(pk=asked, action=_ACTION).first()
    if event is None or event.entry is None or asked <= routines.data_of(routines.VERIFY).get("asked", 0):
        return None
    return event.entry.actor


def enqueue_verification(*, by: str) -> bool:
    """Hand one to a worker, unless one is on its way already; False if the queue cannot be reached."""
    if not cache.add(_ASKED, True, _LONGEST_S):
        return True
    try:
        run_verification.delay(record_event(_ACTION, by=by))
    except (OperationalError, OSError):
        cache.delete(_ASKED)
        return False
    return True
