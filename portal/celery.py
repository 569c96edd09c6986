"""The Celery application: who beats when. Tasks live in the apps' tasks.py and are three lines each."""

import gc
import logging
import os
import time
from importlib import import_module
from typing import Any

from celery import Celery, Task, signals
from django.conf import settings
from django.db import close_old_connections

from portal import correlation
from portal.discretion import forget_locals

_REQUEST = "request_id"
_log = logging.getLogger(__name__)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


class DiscreetTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """A task whose failure is reported, by Celery or by whoever listens to it, without the variables of any frame.

    It runs under the id of the request that asked for it; one that the clock asked for has an id of its own.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.called_directly:
            return self._discreetly(*args, **kwargs)
        asked = self.request.get(_REQUEST)
        with correlation.under(correlation.begun(asked)):
            began = time.monotonic()
            try:
                return self._discreetly(*args, **kwargs)
            finally:
                # Of the clock's, every few seconds, nobody wants to read.
                level = logging.INFO if asked else logging.DEBUG
                _log.log(level, "%s took %d ms", self.name, (time.monotonic() - began) * 1000)

    def _discreetly(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except BaseException as error:
            forget_locals(error)
            raise


app = Celery("portal", task_cls=DiscreetTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


# As between the requests of a page; Celery itself would connect anew for each task (CELERY_DB_REUSE_MAX).
signals.task_prerun.connect(close_old_connections)
signals.task_postrun.connect(close_old_connections)


@signals.before_task_publish.connect
def send_the_id_along(headers: dict[str, Any], **_: Any) -> None:
    """The message names the request that it comes from, where there is one."""
    if name := correlation.current():
        headers[_REQUEST] = name


@signals.worker_before_create_process.connect
def share_what_is_loaded(**_: Any) -> None:
    """Before each fork: the collector would write into all that is there, and a page written to is shared no more."""
    gc.freeze()


@signals.worker_process_init.connect
def trace(**_: Any) -> None:
    """In each process of the pool, for threads do not outlive a fork."""
    if settings.TRACING:
        import_module("portal.tracing").start()


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
