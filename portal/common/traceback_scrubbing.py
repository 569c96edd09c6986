"""Removal of local variables from tracebacks, so that an error report shows source lines and no values."""

from __future__ import annotations

import traceback


def clear_traceback_locals(error: BaseException) -> None:
    """Clear every finished frame of an exception, of its causes and of its contexts.

    Forms, client calls and ciphers have plaintext in their variables, and so do the libraries that they call: no list
    of names to redact would be complete, for an error page, an email or an error collection service.
    """
    ahead: list[BaseException | None] = [error]
    seen: set[int] = set()
    while ahead:
        each = ahead.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        traceback.clear_frames(each.__traceback__)
        ahead += (each.__cause__, each.__context__)
