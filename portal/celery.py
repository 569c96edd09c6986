"""The Celery application: who beats when. Tasks live in the apps' tasks.py and are three lines each."""

import logging
import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def leave_logging_to_settings(**_: Any) -> None:
    """Being listened to keeps Celery from setting levels of its own: PORTAL_LOG_LEVEL counts in each process."""
    logging.getLogger("celery.worker.consumer.consumer").addFilter(quote_no_message)


def quote_no_message(record: logging.LogRecord) -> bool:
    """Celery quotes the whole of a message it cannot use, whoever wrote it: say only that there was one, and why."""
    if isinstance(record.msg, str) and "body" in record.msg:
        cause = record.args[0] if isinstance(record.args, tuple) and record.args else None
        reason = type(cause).__name__ if isinstance(cause, Exception) else "unknown format"
        record.msg, record.args, record.exc_info = "A message was thrown away: %s", (reason,), None
    return True
