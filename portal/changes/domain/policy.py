"""Approval policy: the number of approvals that a change needs, and its deadlines. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

MOST = 1000
"""Upper limit of required approvals, more than any team can give; a higher number makes the policy invalid."""


class InvalidPolicy(ValueError):
    """Stored policy that the portal did not write; no number of votes meets it."""


@dataclass(frozen=True)
class Policy:
    """Policy: `required` approvals by different users with the right to decide."""

    required: int

    def as_data(self) -> dict[str, Any]:
        """Return the form that revisions store and digests cover."""
        return {"required": self.required}

    @classmethod
    def from_data(cls, data: object) -> Policy:
        """Return the policy that a row stores. Raises InvalidPolicy unless it asks for 1 to MOST approvals."""
        required = data.get("required") if isinstance(data, Mapping) else None
        if type(required) is not int or not 1 <= required <= MOST:  # a bool is an int too
            raise InvalidPolicy
        return cls(required)


def read_required(data: object) -> int:
    """Return how many approvals a change needs now: those of its stored policy, and never fewer than the setting.

    Returns MOST for a policy that was not written by the portal.
    """
    try:
        return max(Policy.from_data(data).required, settings.APPROVALS_REQUIRED)
    except InvalidPolicy:
        return MOST


def pending_deadline(now: datetime) -> datetime:
    """Return when a change that was proposed at `now` expires if it is not decided."""
    return now + timedelta(days=settings.CHANGE_PENDING_DAYS)


def approval_deadline(now: datetime) -> datetime:
    """Return when a change that was approved at `now` expires undelivered.

    A change that failed at `now` may be retried until the same instant.
    """
    return now + timedelta(days=settings.CHANGE_APPROVED_DAYS)
