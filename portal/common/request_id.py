"""The id under which one act is told everywhere: response, error page, log lines, task, events of the audit log.

It ties lines together and proves nothing: a client may choose it.
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
    """The id of what runs now; '' where nobody began anything."""
    return _current.get()


def accept_request_id(said: object = "") -> str:
    """The id somebody sent along, where it has the form of one; else a new one."""
    return said if isinstance(said, str) and _FORM.fullmatch(said) else uuid.uuid4().hex


@contextmanager
def request_id_context(name: str) -> Iterator[None]:
    """Until the end of the block everything is told under this id; where it is '', under the one there is."""
    token = _current.set(name or _current.get())
    try:
        yield
    finally:
        _current.reset(token)
