"""Celery's door to the log: sealing every few seconds, verifying once a day or when an auditor asks."""

from __future__ import annotations

import logging

from django.core.cache import cache
from kombu.exceptions import OperationalError

from portal.audit import sealing
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
    except (sealing.NotHandedOver, LogWasCut, OSError) as error:
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
