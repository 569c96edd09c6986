"""Users who may see a change: its requester, and those who may decide, audit or operate."""

from __future__ import annotations

from itertools import islice

from django.db.models import Q, QuerySet

from portal.accounts import roles
from portal.accounts.models import User
from portal.changes.models import SEE_ALL, Change
from portal.common.text_folding import fold_text

MOST_SUGGESTED = 8


def list_viewers(change: Change) -> QuerySet[User]:
    """Return the active users who may see the change."""
    may = Q(pk=change.requester_id, is_active=True)
    for right in SEE_ALL:
        may |= Q(pk__in=roles.users_with_right(right).values("pk"))
    return User.objects.filter(may)


def suggest_viewers(change: Change, typed: str, *, to: User) -> list[User]:
    """Return at most MOST_SUGGESTED users other than `to` who may see the change and match what was typed.

    The username, or a word of the full name, begins with it; case and accents make no difference.
    """
    start = fold_text(typed)
    viewers = list_viewers(change).exclude(pk=to.pk).order_by("username").iterator(chunk_size=500)
    return list(islice((user for user in viewers if _matches(user, start)), MOST_SUGGESTED))


def _matches(user: User, start: str) -> bool:
    return any(name.startswith(start) for name in (fold_text(user.username), *fold_text(user.get_full_name()).split()))
