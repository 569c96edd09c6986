"""Counts of matching events, up to a limit that keeps a page fast in a log of a million events."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db.models import Count, Q

from portal.audit import actions
from portal.audit.event_filters import EventFilters
from portal.audit.models import Event

_MOST = 20_000


@dataclass(frozen=True)
class EventCounts:
    """Numbers of shown and of hidden events among the newest 20,000; `is_capped` if there are more."""

    shown: int
    hidden: int
    is_capped: bool


def count_events(filters: EventFilters) -> EventCounts:
    """Count the matching events, and the views that the filters hide, with one query."""
    newest = Event.objects.matching(replace(filters, hide_views=False)).order_by("-id").values("pk", "action")
    views = Q(action__in=actions.VIEWS)
    counts = newest[: _MOST + 1].aggregate(all=Count("pk"), views=Count("pk", filter=views))
    hidden = counts["views"] if filters.hide_views else 0
    return EventCounts(min(counts["all"], _MOST) - hidden, hidden, counts["all"] > _MOST)
