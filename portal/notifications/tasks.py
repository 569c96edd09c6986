"""Celery's door to the notices. No act reminds it: it looks every few seconds, and the rows say what is due."""

from __future__ import annotations

from django.db import connection

from portal.celery import app
from portal.notifications import daily_digest, dispatch, mailer

_ONE_ROUND = 0x4D41494C  # "MAIL"
_LONGEST_S = 120


@app.task(name="notices.tell")
def dispatch_notifications() -> None:
    """Make notices of what has happened."""
    dispatch.dispatch_events()


@app.task(name="notices.mail", time_limit=_LONGEST_S)
def send_mail() -> None:
    """Send what is due, one round at a time: a mail server that hangs must not take the workers from deliveries."""
    with connection.cursor() as cursor:
        # Of the session: PostgreSQL gives it back when a worker is lost, and nothing can evict it.
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ONE_ROUND])
        if not cursor.fetchone()[0]:
            return
        try:
            mailer.send_due_mail()
            daily_digest.send_due_digests()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_ONE_ROUND])
