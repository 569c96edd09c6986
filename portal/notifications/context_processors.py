"""Counts for the navigation of every page: changes and proposals that wait, and unread notifications."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.accounts import roles
from portal.accounts.roles import Right
from portal.notifications import inbox


def counts(request: HttpRequest) -> dict[str, Any]:
    """Return `unread_count` for a signed-in user, `queue_count` if they may decide, `proposal_count` if they operate.

    All are counted once, with one query, and only if a page shows one of them.
    """
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated:
        return {}
    may_decide = roles.has_right(person, Right.DECIDE)
    if roles.has_right(person, Right.OPERATE):
        three = SimpleLazyObject(lambda: inbox.count_for_administrator(person, queue=may_decide))
        return {
            "unread_count": SimpleLazyObject(lambda: three[0]),
            "proposal_count": SimpleLazyObject(lambda: three[1]),
            "queue_count": SimpleLazyObject(lambda: three[2]),
        }
    if not may_decide:
        return {"unread_count": SimpleLazyObject(lambda: inbox.count_unread(person))}
    both = SimpleLazyObject(lambda: inbox.count_queue_and_unread(person))
    return {"queue_count": SimpleLazyObject(lambda: both[0]), "unread_count": SimpleLazyObject(lambda: both[1])}
