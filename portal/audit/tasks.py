"""Celery tasks of the log: sealing, every SEAL_EVERY_S seconds; verification, by schedule or on request; mailing.

These tasks have a queue of their own, so that the one process with the signing key runs nothing else. A message does
not name the user who requested a verification: it names the event that does.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
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
_CANNOT_SEAL = (
    sealer.KeyNotHandedOver,
    sealer.LogWasAltered,
    LogTruncated,
    ClocksDiffer,
    ImproperlyConfigured,
    OSError,
)


@app.task(name="audit.seal")
def seal_log() -> None:
    """Seal the pending events. A worker without a signing key leaves them to a worker that has one."""
    try:
        sealer.seal_pending_events()
    except sealer.NoSigningKey:
        return
    except (
        sealer.KeyNotHandedOver,
        sealer.LogWasAltered,
        LogTruncated,
        ClocksDiffer,
        ImproperlyConfigured,
        OSError,
    ) as error:
        _log.error("the audit log cannot be sealed: %s", error)


@app.task(name="audit.verify", time_limit=_LONGEST_S)
def run_verification(asked: int | None = None) -> None:
    """Verify the whole log and record the result: by schedule, or once for each event `asked` that requested it."""
    if asked is None and not _long_ago(routines.VERIFY, settings.AUDIT_VERIFY_EVERY_S):
        return  # another verification ended while this message waited
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
    """Mail the newest checkpoint to the auditors who have not received it, for half a minute at most."""
    checkpoint_mail.mail_checkpoint()


@app.task(name="audit.due")
def run_due_jobs() -> None:
    """Enqueue the periodic job that is due, one at a time, so that one process is always free to seal."""
    if _under_way(routines.VERIFY):
        return
    with suppress(OperationalError, OSError):  # the next run tries again
        if _long_ago(routines.VERIFY, settings.AUDIT_VERIFY_EVERY_S):
            run_verification.delay()
        elif _long_ago(routines.MAIL, settings.AUDIT_MAIL_EVERY_S):
            mail_checkpoints.delay()


def _long_ago(name: str, every_s: float) -> bool:
    last = routines.done_at(name)
    return last is None or last <= timezone.now() - timedelta(seconds=every_s)


def _under_way(name: str) -> bool:
    """Return whether the job has begun, and not so long ago that its worker must have been lost."""
    begun = routines.begun_at(name)
    return begun is not None and begun > timezone.now() - timedelta(seconds=_LONGEST_S)


def _asker(asked: int) -> str | None:
    """Return the username of the user who requested a verification by this event.

    Returns None if there is no such event, or if its result is recorded already.
    """
    event = Event.objects.filter(pk=asked, action=_ACTION).first()
    if event is None or event.entry is None or asked <= routines.data_of(routines.VERIFY).get("asked", 0):
        return None
    return event.entry.actor


def enqueue_verification(*, by: str) -> bool:
    """Enqueue a verification, unless one is queued or running; return False if the queue cannot be reached."""
    if not cache.add(_ASKED, True, _LONGEST_S):
        return True
    try:
        run_verification.delay(record_event(_ACTION, by=by))
    except (OperationalError, OSError):
        cache.delete(_ASKED)
        return False
    return True
