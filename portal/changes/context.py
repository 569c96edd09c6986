"""What the navigation says about changes, on every page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.accounts import roles
from portal.accounts.roles import Right
from portal.changes import breaker
from portal.changes.reading import listing


def queue(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `queue_count` of whoever decides, counted once and only where a page shows it."""
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated or not roles.holds(person, Right.DECIDE):
        return {}
    return {"queue_count": SimpleLazyObject(lambda: listing.queue_count(person))}


def pause(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `pause` of all delivery, for people who are signed in; asked only where a page shows it."""
    person = getattr(request, "user", None)
    return {"pause": SimpleLazyObject(breaker.pause)} if person is not None and person.is_authenticated else {}
