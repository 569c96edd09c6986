"""Context processors of every page: the delivery pause, and how many changes wait for the requester."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.accounts import roles
from portal.accounts.roles import Right
from portal.changes.delivery import circuit_breaker
from portal.changes.presenters import own_changes


def pause(request: HttpRequest) -> dict[str, Any]:
    """Return `pause`, the pause of all delivery, for signed-in users; the query runs only if the page shows it."""
    person = getattr(request, "user", None)
    return (
        {"pause": SimpleLazyObject(circuit_breaker.current_pause)}
        if person is not None and person.is_authenticated
        else {}
    )


def needs_you(request: HttpRequest) -> dict[str, Any]:
    """Return `needs_you_count` for a user who may propose; the queries run only if the page shows it."""
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated or not roles.has_right(person, Right.PROPOSE):
        return {}
    return {"needs_you_count": SimpleLazyObject(lambda: own_changes.count_needing_requester(person))}
