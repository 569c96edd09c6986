"""The Celery application: who beats when. Tasks live in the apps' tasks.py and are three lines each."""

import logging
import os
from typing import Any

from celery import Celery, Task, signals

from portal.discretion import forget_locals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


class DiscreetTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """A task whose failure is reported, by Celery or by whoever listens to it, without the variables of any frame."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except BaseException as error:
            forget_locals(error)
            raise


app = Celery("portal", task_cls=DiscreetTask)
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
