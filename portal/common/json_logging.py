"""Log lines as JSON: one object per line, with a fixed set of fields.

Other attributes of a record (the request, a task's arguments) may contain secrets and are not written.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from portal.common import request_id

_LONGEST = 500
_FAULT = 500
"""First HTTP status that is a fault of the portal."""


class OneLineRefusals(logging.Filter):
    """Filter that shortens each rejected request to a one-line warning without a traceback.

    A wrong Host header, for instance, is a fault of the client. Errors inside the portal keep their traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if self._is_refusal(record):
            text = record.getMessage().encode("unicode_escape").decode("ascii")
            record.msg, record.args = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...", ()
            record.exc_info = record.exc_text = record.stack_info = None
            if record.levelno > logging.WARNING:
                record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True

    def _is_refusal(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", _FAULT)
        if record.name.startswith("django.security."):
            return status < _FAULT or not hasattr(record, "status_code")
        return record.name == "django.request" and status < _FAULT


class JsonFormatter(logging.Formatter):
    """Formatter of JSON lines: `request` is the request id, `error` a traceback without variables."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if request := request_id.current_request_id():
            line["request"] = request
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
