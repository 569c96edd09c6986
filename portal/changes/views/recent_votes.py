"""Effect of an accepted vote on the session of its voter."""

from __future__ import annotations

from portal.accounts import reauthentication
from portal.accounts.decorators import UserRequest
from portal.changes.domain.risks import RiskLevel
from portal.changes.models import Change


def extend_recent_auth(request: UserRequest, voted: Change) -> None:
    """Extend the voter's recent authentication after a vote on a change of low or medium risk."""
    if voted.risk < RiskLevel.HIGH:
        reauthentication.record_accepted_vote(request)
