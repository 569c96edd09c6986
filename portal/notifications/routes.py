"""Routing table: which event leads to which type of notification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EventFacts:
    """Facts of an event that a route may check: its data, and whether the same act also decided the change."""

    data: dict[str, Any]
    decided: bool


@dataclass(frozen=True)
class Route:
    """Route from an event action to a notification type; `applies` limits it, and `only` states that limit in words."""

    action: str
    kind: str
    only: str = ""
    applies: Callable[[EventFacts], bool] = lambda _facts: True


ROUTES = (
    Route("change.submitted", "waiting"),
    Route("change.revised", "voided"),
    Route("change.revised", "waiting", "it was stale", lambda facts: facts.data.get("from") == "stale"),
    Route("change.withdrawn", "withdrawn"),
    Route(
        "vote.cast",
        "voted",
        "it approves and decides nothing yet",
        lambda facts: facts.data.get("verdict") == "approve" and not facts.decided,
    ),
    Route("change.approved", "approved"),
    Route("change.returned", "returned"),
    Route("change.returned", "again", "it was approved", lambda facts: facts.data.get("from") == "approved"),
    Route("change.changes_requested", "asked"),
    Route("change.rejected", "rejected"),
    Route("change.rejected", "overruled"),
    Route("change.expired", "expired"),
    Route("change.stale", "stale"),
    Route("change.applied", "applied"),
    Route("change.failed", "failed"),
    Route("change.in_doubt", "doubted", "not in doubt before", lambda facts: facts.data.get("from") != "in_doubt"),
    Route("change.escalated", "escalated"),
    Route("change.escalated", "stuck"),
    Route("change.resolved", "closed"),
    Route("change.retried", "retried"),
    Route("change.commented", "mentioned", "it mentions them"),
    Route("change.commented", "commented"),
    Route("delivery.paused", "paused"),
    Route("delivery.resumed", "resumed"),
    Route("delivery.paused_by_operator", "held"),
    Route("delivery.paused_by_operator", "delayed"),
    Route("delivery.resumed_by_operator", "released"),
    Route("delivery.resumed_by_operator", "going_on"),
    Route("governance.proposed", "proposed"),
    Route("governance.adopted", "proposed"),
    Route("governance.approved", "agreed"),
    Route("governance.rejected", "declined"),
    Route("governance.outdated", "outdated"),
    Route("account.emergency_used", "emergency"),
    Route("vote_key.enrolled", "key_enrolled"),
)
"""Routes in order of precedence: a user to whom several routes of one event lead is notified once, by the first."""
