"""A stand-in for the services that collect errors: keeps of each exception what they keep, and more."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

_DEEPEST = 6


def report(error: BaseException) -> str:
    """Every exception of the chain with its arguments, and every variable of every frame, several levels deep."""
    texts: list[str] = []
    seen: set[int] = set()
    ahead: list[BaseException | None] = [error]
    while ahead:
        each = ahead.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        texts += traceback.format_exception_only(each)
        texts += [repr(each.args), _serialised(vars(each), 0)]
        for frame, line in traceback.walk_tb(each.__traceback__):
            texts.append(f"{frame.f_code.co_qualname}:{line} {_serialised(frame.f_locals, 0)}")
        ahead += (each.__cause__, each.__context__)
    return "\n".join(texts)


def _serialised(value: Any, depth: int) -> str:
    """Collectors go into mappings and sequences and take the repr of all else; this one goes into objects as well."""
    if depth > _DEEPEST or isinstance(value, type):
        return ""
    if isinstance(value, str | bytes | int | float | None):
        return repr(value)
    if isinstance(value, Mapping):
        return " ".join(f"{name!r}: {_serialised(value[name], depth + 1)}" for name in list(value))
    if isinstance(value, Sequence | set | frozenset):
        return " ".join(_serialised(each, depth + 1) for each in value)
    inner = getattr(value, "__dict__", None) if type(value).__module__.partition(".")[0] == "portal" else None
    return repr(value) + (f" {_serialised(inner, depth + 2)}" if inner else "")
