"""Request id: ties together response, error page, log lines, task and audit events of one request.

It proves nothing: a client may choose it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LONGEST = 64
_FORM = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{7,{LONGEST - 1}}}")
_current: ContextVar[str] = ContextVar("correlation", default="")


def current_request_id() -> str:
    """Return the id of the request or task that runs now; '' outside of both."""
    return _current.get()


def accept_request_id(said: object = "") -> str:
    """Return the id that a client sent if its form is valid, else a new id."""
    return said if isinstance(said, str) and _FORM.fullmatch(said) else uuid.uuid4().hex


@contextmanager
def request_id_context(name: str) -> Iterator[None]:
    """Use this id for log lines, tasks and events until the end of the block; an empty `name` keeps the current id."""
    token = _current.set(name or _current.get())
    try:
        yield
    finally:
        _current.reset(token)
