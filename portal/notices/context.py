"""What every page says about notices."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.notices import inbox


def unread(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `unread_count` of whoever is signed in, counted once and only where a page shows it."""
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated:
        return {}
    return {"unread_count": SimpleLazyObject(lambda: inbox.unread_count(person))}
