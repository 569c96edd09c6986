"""Context processor of every page: how many proposals wait for an administrator."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.accounts import roles
from portal.accounts.roles import Right
from portal.operations import people


def open_proposals(request: HttpRequest) -> dict[str, Any]:
    """Return `proposal_count` for an administrator; the query runs only if the page shows it."""
    person = getattr(request, "user", None)
    if person is None or not person.is_authenticated or not roles.has_right(person, Right.OPERATE):
        return {}
    return {"proposal_count": SimpleLazyObject(lambda: people.count_proposals_for(person))}
