"""Celery tasks of notifications. The scheduler starts them every few seconds, and the rows say what is due."""

from __future__ import annotations

from django.db import connection

from portal.celery import app
from portal.governance import link_mail
from portal.notifications import daily_digest, dispatch, mailer

_ONE_ROUND = 0x4D41494C  # ASCII codes of "MAIL"
_LONGEST_S = 120


@app.task(name="notifications.dispatch")
def dispatch_notifications() -> None:
    """Create notifications for the events that are due."""
    dispatch.dispatch_events()


@app.task(name="notifications.send_mail", time_limit=_LONGEST_S)
def send_mail() -> None:
    """Send the due links and mails, one round at a time: an unresponsive mail server occupies only one worker."""
    with connection.cursor() as cursor:
        # A session-level advisory lock: PostgreSQL releases it when a worker dies, and nothing can evict it.
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ONE_ROUND])
        if not cursor.fetchone()[0]:
            return
        try:
            link_mail.send_due_links()
            mailer.send_due_mail()
            daily_digest.send_due_digests()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_ONE_ROUND])
