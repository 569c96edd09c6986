"""Who must approve a change, how many, and how long a change lives. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings


@dataclass(frozen=True)
class Policy:
    """`required` approvals by different people who hold the right to decide."""

    required: int

    def as_data(self) -> dict[str, Any]:
        """The form that revisions keep and digests cover."""
        return {"required": self.required}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Policy:
        return cls(required=int(data["required"]))

    def met_by(self, approvers: Iterable[int]) -> bool:
        """Whether these people (ids) are enough; one person counts once."""
        return len(set(approvers)) >= self.required


def pending_until(now: datetime) -> datetime:
    """When a change proposed at `now` expires undecided."""
    return now + timedelta(days=settings.CHANGE_PENDING_DAYS)


def approved_until(now: datetime) -> datetime:
    """When a change approved at `now` expires undelivered, and until when a failure of `now` can be retried."""
    return now + timedelta(days=settings.CHANGE_APPROVED_DAYS)
