"""Log lines for machines: one JSON object each, of these fields and no others.

Whatever else hangs on a record (the request, a task's arguments) may hold what nobody should read, and stays there.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from portal import correlation


class JsonFormatter(logging.Formatter):
    """`request` is the id the person's browser was told; `error` a traceback, without variables as everywhere."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if request := correlation.current():
            line["request"] = request
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
