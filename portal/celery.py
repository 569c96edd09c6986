"""Celery application. Its schedule is in settings.py; the tasks are in the tasks.py of each app."""

import gc
import itertools
import logging
import os
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from celery import Celery, Task, signals
from django.conf import settings
from django.db import close_old_connections
from kombu.transport import TRANSPORT_ALIASES, redis

from portal.common import discarded_messages, request_id
from portal.common.traceback_scrubbing import clear_traceback_locals

_REQUEST = "request_id"
_log = logging.getLogger(__name__)
_DISCARDED = itertools.count(1)
_UNUSABLE = (TypeError, ValueError, LookupError, AttributeError, RecursionError)
"""Exceptions raised by reading a message that is not JSON, not text, or lacks the fields of Celery's messages."""
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


class PortalTask(Task):  # type: ignore[type-arg]  # generic in the stubs only
    """Task whose failure is reported, by Celery or by any listener, without the variables of any frame.

    It runs under the id of the request that enqueued it; a task of the scheduler gets a new id.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.called_directly:
            return self._discreetly(*args, **kwargs)
        asked = self.request.get(_REQUEST)
        with request_id.request_id_context(request_id.accept_request_id(asked)):
            began = time.monotonic()
            try:
                return self._discreetly(*args, **kwargs)
            finally:
                # Tasks of the scheduler run every few seconds: at INFO they would fill the log.
                level = logging.INFO if asked else logging.DEBUG
                _log.log(level, "%s took %d ms", self.name, (time.monotonic() - began) * 1000)

    def _discreetly(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except BaseException as error:
            clear_traceback_locals(error)
            raise


class ToleratingChannel(redis.Channel):
    """Channel whose consumer discards messages that it cannot use, instead of ending the worker."""

    def basic_consume(  # type: ignore[override]  # the stubs know only the base class of all transports
        self, queue: str, no_ack: bool, callback: Callable[[Any], Any], *args: Any, **options: Any
    ) -> Any:
        """Consume; reject a message if `callback` fails because of its content."""

        def tolerate(message: Any) -> Any:
            try:
                return callback(message)
            except _UNUSABLE as error:
                _note_discarded(error)
                if not message.acknowledged:
                    message.reject()
                return None

        return super().basic_consume(queue, no_ack, tolerate, *args, **options)


class ToleratingTransport(redis.Transport):
    """Celery's Redis transport, which discards and counts an unusable message instead of ending the worker.

    Redis has already removed the message from its list when the content is read, so it does not come again.
    """

    Channel = ToleratingChannel

    def on_readable(self, fileno: int) -> None:  # type: ignore[override]
        """Receive what has arrived; discard an unusable message."""
        try:
            super().on_readable(fileno)
        except _UNUSABLE as error:
            _note_discarded(error)

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # type: ignore[override]
        """Wait for messages and receive them; discard an unusable one."""
        try:
            super().drain_events(connection, timeout)
        except _UNUSABLE as error:
            _note_discarded(error)


def _note_discarded(error: Exception) -> None:
    """Log one line without the content, with the count of this process since its start."""
    _log.error("A message was thrown away: %s (number %d of this process)", type(error).__name__, next(_DISCARDED))
    discarded_messages.count_discarded("unreadable")


for _scheme in ("redis", "rediss"):
    TRANSPORT_ALIASES[_scheme] = f"{__name__}:{ToleratingTransport.__name__}"

app = Celery("portal", task_cls=PortalTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


# As between the requests of a page; Celery itself would connect again for each task (CELERY_DB_REUSE_MAX).
signals.task_prerun.connect(close_old_connections)
signals.task_postrun.connect(close_old_connections)


@signals.before_task_publish.connect
def on_before_publish(headers: dict[str, Any], **_: Any) -> None:
    """Add the id of the current request, if there is one, to the message."""
    if name := request_id.current_request_id():
        headers[_REQUEST] = name


@signals.worker_before_create_process.connect
def freeze_gc_before_fork(**_: Any) -> None:
    """Freeze the garbage collector before each fork: a memory page that it writes to is no longer shared."""
    gc.freeze()


@signals.worker_process_init.connect
def on_worker_process_init(**_: Any) -> None:
    """Start tracing in each process of the pool, because threads do not outlive a fork."""
    if settings.TRACING:
        import_module("portal.common.tracing").start_tracing()


@signals.setup_logging.connect
def on_setup_logging(**_: Any) -> None:
    """Filter the consumer's log. Any receiver keeps Celery from setting log levels, so PORTAL_LOG_LEVEL applies."""
    logging.getLogger("celery.worker.consumer.consumer").addFilter(redact_message_body)


def redact_message_body(record: logging.LogRecord) -> bool:
    """Replace Celery's quote of a whole unusable message, which anyone may have sent, by the reason alone.

    Celery reports such a message in no other way, so it is counted here.
    """
    if isinstance(record.msg, str) and "body" in record.msg:
        cause = record.args[0] if isinstance(record.args, tuple) and record.args else None
        reason = type(cause).__name__ if isinstance(cause, Exception) else "unknown format"
        record.msg, record.args, record.exc_info = "A message was thrown away: %s", (reason,), None
        discarded_messages.count_discarded("unusable")
    return True
