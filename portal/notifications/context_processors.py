"""Counts for the navigation of every page: changes that wait for a decision, and unread notifications."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.accounts import roles
from portal.accounts.roles import Right
from portal.notifications import inbox


def counts(request: HttpRequest) -> dict[str, Any]:
    """Return `unread_count` for a signed-in user, and `queue_count` for a user who may decide.

    Both are counted once, with one query, and only if a page shows one of them.
    """
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated:
        return {}
    if not roles.has_right(person, Right.DECIDE):
        return {"unread_count": SimpleLazyObject(lambda: inbox.count_unread(person))}
    both = SimpleLazyObject(lambda: inbox.count_queue_and_unread(person))
    return {"queue_count": SimpleLazyObject(lambda: both[0]), "unread_count": SimpleLazyObject(lambda: both[1])}
