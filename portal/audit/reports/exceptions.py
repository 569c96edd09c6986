"""Exceptions of a period: the events that an auditor looks at first."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Case, CharField, Value, When

from portal.audit import actions
from portal.audit.event_filters import IN_TEXT

EXCEPTIONS: Mapping[str, Mapping[str, str]] = {
    "high_risk": {"only": "high_risk"},
    "refused_votes": {"kind": "vote.refused"},
    "self_approvals": {"only": "self_approval"},
    "resolved": {"kind": "change.resolved"},
    "unverified": {"only": "unverified"},
    "pauses": {"kind": "pauses"},
    "outside_edits": {"only": "outside_edit"},
}
"""The exceptions, in the order of the page, each with the filter of the log that finds its events."""

ACTIONS = ("change.resolved", "vote.refused", *actions.COLLECTIONS["pauses"])
"""The actions that are counted as exceptions only."""


def text_search() -> Case:
    """Return the key of IN_TEXT that finds an event, '' if none does: at most one, as each is about another action."""
    found = (When(condition, then=Value(name)) for name, condition in IN_TEXT.items())
    return Case(*found, default=Value(""), output_field=CharField())


def is_counted(filters: Mapping[str, str], action: str, found_by: str) -> bool:
    """Return whether the filter of an exception finds an event with this action and text_search()."""
    kind = filters.get("kind", "")
    return found_by == filters["only"] if "only" in filters else action in actions.COLLECTIONS.get(kind, (kind,))
