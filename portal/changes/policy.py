"""Who must approve a change, and how many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Policy:
    """`required` approvals by different people who hold the right to decide."""

    required: int = 1

    def as_data(self) -> dict[str, Any]:
        """The form that revisions keep and digests cover."""
        return {"required": self.required}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Policy:
        return cls(required=int(data["required"]))

    def met_by(self, approvers: Iterable[int]) -> bool:
        """Whether these people (ids) are enough; one person counts once."""
        return len(set(approvers)) >= self.required
