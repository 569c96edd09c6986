"""Failures told without what was in hand: whoever reports an exception finds the places, and no values."""

from __future__ import annotations

import traceback


def clear_traceback_locals(error: BaseException) -> None:
    """Empty every finished frame of an exception and of those behind it.

    A form, a call or a cipher has plaintext among its variables, and so have the libraries they call: no list of
    names to leave out would be complete, whether an error page reads it, a mail, or a service that collects errors.
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
