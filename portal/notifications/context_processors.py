"""What the navigation says on every page: how much waits for a decision, and how many notices are unread."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.accounts import roles
from portal.accounts.roles import Right
from portal.notifications import inbox


def counts(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `count_unread` of whoever is signed in, and `queue_count` of whoever decides.

    Counted once, together, and only where a page shows one of them.
    """
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated:
        return {}
    if not roles.has_right(person, Right.DECIDE):
        return {"unread_count": SimpleLazyObject(lambda: inbox.count_unread(person))}
    both = SimpleLazyObject(lambda: inbox.count_queue_and_unread(person))
    return {"queue_count": SimpleLazyObject(lambda: both[0]), "unread_count": SimpleLazyObject(lambda: both[1])}
