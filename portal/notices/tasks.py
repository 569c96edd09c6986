"""Celery's door to the notices. No act reminds it: it looks every few seconds, and the rows say what is due."""

from __future__ import annotations

from django.core.cache import cache

from portal.celery import app
from portal.notices import daily, mailing, telling

_MAILING = "notices-mailing"
_LONGEST_S = 120


@app.task(name="notices.tell")
def tell() -> None:
    """Make notices of what has happened."""
    telling.tell()


@app.task(name="notices.mail", time_limit=_LONGEST_S)
def mail() -> None:
    """Send what is due, one round at a time: a mail server that hangs must not take the workers from deliveries."""
    if not cache.add(_MAILING, True, _LONGEST_S + 10):
        return
    try:
        mailing.send_due()
        daily.send_due()
    finally:
        cache.delete(_MAILING)
