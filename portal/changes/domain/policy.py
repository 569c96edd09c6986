"""Who must approve a change, how many, and how long a change lives. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

MOST = 1000
"""More approvals than any team can give: such a number was not written by the portal."""


class InvalidPolicy(ValueError):
    """The stored policy was not written by the portal: no number of votes meets it."""


@dataclass(frozen=True)
class Policy:
    """`required` approvals by different people who hold the right to decide."""

    required: int

    def as_data(self) -> dict[str, Any]:
        """The form that revisions keep and digests cover."""
        return {"required": self.required}

    @classmethod
    def from_data(cls, data: object) -> Policy:
        """Return the policy that a row keeps. Raises InvalidPolicy unless it asks for 1 to MOST approvals."""
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
    """When a change proposed at `now` expires undecided."""
    return now + timedelta(days=settings.CHANGE_PENDING_DAYS)


def approval_deadline(now: datetime) -> datetime:
    """When a change approved at `now` expires undelivered, and until when a failure of `now` can be retried."""
    return now + timedelta(days=settings.CHANGE_APPROVED_DAYS)
