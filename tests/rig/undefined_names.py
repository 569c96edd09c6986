"""Names that a template uses and nobody passes: Django takes them for empty and false, tests for a failure."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.template import VariableDoesNotExist

OPTIONAL = frozenset(
    {"advice", "by_place", "commentable", "heading", "kind", "label", "oob", "optional", "part", "plain", "said"}
    | {"show_requester", "show_secret", "swapped", "before", "after", "newer", "older", "queue_count", "unread_count"}
    | {"autofocus", "closed", "drafts", "moved", "outdated"}
    | {"demo"}  # of the development server, which production leaves out
)
"""Parameters of includes that may be left out, addresses of pages that are not there, and counts for others."""
_MAY_LACK = (type(None), dict, forms.BaseForm)
"""None has nothing, and a form or what was sent lacks a field that is not asked for."""


class UndefinedName(Exception):
    """A template of the portal used a name that its context, or the object before the dot, lacks."""


def _refuse(record: logging.LogRecord) -> bool:
    """Raise UndefinedName for a lookup that failed in a template of the portal; Django logs each of them."""
    error = sys.exc_info()[1]
    if record.levelno != logging.DEBUG or not isinstance(error, VariableDoesNotExist):
        return True
    _bit, template = record.args  # type: ignore[misc]
    name, place = error.params
    ours = any((Path(folder) / str(template)).exists() for folder in settings.TEMPLATES[0]["DIRS"])
    if ours and name not in OPTIONAL and not isinstance(_real(place), _MAY_LACK):
        raise UndefinedName(f"{name} is not defined in {template}: pass it, or list it as optional")
    return False


def _real(place: Any) -> Any:
    """Return what a lazy object stands for, which need not be lazy itself."""
    return None if place == None else place  # noqa: E711 - a lazy None is equal to None and is not None


@contextmanager
def undefined_names_refused() -> Iterator[None]:
    """Raise UndefinedName wherever a template of the portal uses a name that its context lacks."""
    logger = logging.getLogger("django.template")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addFilter(_refuse)
    try:
        yield
    finally:
        logger.removeFilter(_refuse)
        logger.setLevel(level)
