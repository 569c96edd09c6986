"""Version of the page of a change: an open page asks for it every two seconds."""

from __future__ import annotations

from datetime import datetime

from django.db.models import OuterRef, Subquery

from portal.accounts.models import User
from portal.changes.delivery import circuit_breaker
from portal.changes.models import Change, CircuitBreaker, ObservedSecret, Status, Vote
from portal.changes.presenters import change_rows, next_steps


def format_version(
    revision: int,
    status: str,
    moved_at: datetime,
    paused: datetime | None,
    voted: int | None,
    observed_at: datetime | None = None,
) -> str:
    """Return the version of a page: revision, status, last update, newest vote, pause, observation of the secret."""
    pause = f".{paused.timestamp():.6f}" if paused and status in next_steps.WAITING else ""
    seen = f".{observed_at.timestamp():.6f}" if observed_at and status == Status.PENDING else ""
    return f"{revision}.{status}.{moved_at.timestamp():.6f}.{voted or 0}{pause}{seen}"


def fetch_page_version(change_id: int, reader: User) -> str | None:
    """Return the version of the page as it is now, in one query, or None if this user may not see the change."""
    paused = Subquery(CircuitBreaker.objects.filter(circuit_breaker.PAUSED).values_list(circuit_breaker.MARK))
    voted = Subquery(Vote.objects.filter(change=OuterRef("pk")).order_by("-pk").values("pk")[:1])
    observed = Subquery(ObservedSecret.objects.filter(pk=OuterRef("secret")).values("updated_at"))
    asked = ("requester", "revision", "status", "updated_at", paused, voted, observed)
    found = Change.objects.filter(pk=change_id).values_list(*asked).first()
    if found is None:
        return None
    requester, *parts = found
    return format_version(*parts) if change_rows.can_view(requester, reader) else None
