"""MACs of user actions: proof that a vote, a retry or a recheck came through the portal, not through SQL.

The key is not in the database. Each signed text names its kind, so that no MAC is valid for an action of another kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from portal.audit.ledger import canonical_json
from portal.changes.models import Change, Vote
from portal.common import keyring


def format_instant(at: datetime) -> str:
    """Return the instant as events and MACs write it: UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def vote_facts(vote: Vote) -> dict[str, Any]:
    """Return the values that the event of a vote must repeat from its row, apart from the change."""
    return {
        "revision": vote.revision,
        "digest": vote.digest,
        "verdict": str(vote.verdict),
        "voter": vote.voter_id,
        "voted_at": format_instant(vote.voted_at),
    }


def compute_vote_mac(vote: Vote, name: str) -> str:
    """Return the MAC of a vote by the user with this username."""
    return keyring.compute_mac(_vote_text(vote, name))


def is_vote_mac(vote: Vote, name: str) -> bool:
    """Return whether the MAC in the row proves that the user with this username cast the vote."""
    return keyring.is_mac_of(vote.mac, _vote_text(vote, name))


def sign_act(action: str, change: Change, at: datetime, name: str) -> dict[str, str]:
    """Return the data by which the event of a retry or recheck proves the action to the worker."""
    acted_at = format_instant(at)
    return {"acted_at": acted_at, "mac": keyring.compute_mac(_act_text(action, change, acted_at, name))}


def is_act_proved(action: str, change: Change, name: str, data: Mapping[str, Any]) -> bool:
    """Return whether the data of an event prove this retry or recheck by the user `name`."""
    acted_at, mac = data.get("acted_at"), data.get("mac")
    if not isinstance(acted_at, str) or not isinstance(mac, str):
        return False
    return keyring.is_mac_of(mac, _act_text(action, change, acted_at, name))


def _vote_text(vote: Vote, name: str) -> str:
    return canonical_json({"kind": "vote", "v": 1, "change": vote.change_id, "name": name, **vote_facts(vote)})


def _act_text(action: str, change: Change, acted_at: str, name: str) -> str:
    facts = {"change": change.pk, "revision": change.revision, "name": name, "acted_at": acted_at}
    return canonical_json({"kind": action, "v": 1, **facts})
