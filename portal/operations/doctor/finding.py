"""What the doctor has to say of one thing: how it is, and what to do where it should be otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings


class Severity(StrEnum):
    """A problem makes promises of the portal untrue, or stops it; advice is for what may be meant so."""

    OK = "ok"
    ADVICE = "advice"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """`found`: how it is, never with a secret; `todo`: what to do about it, '' where nothing."""

    area: str
    level: Severity
    found: str
    todo: str = ""


@dataclass(frozen=True)
class CheckArea:
    """Findings of one area, in short."""

    name: str

    def ok(self, found: str) -> Finding:
        return Finding(self.name, Severity.OK, found)

    def advice(self, found: str, todo: str) -> Finding:
        return Finding(self.name, Severity.ADVICE, found, todo)

    def problem(self, found: str, todo: str) -> Finding:
        return Finding(self.name, Severity.PROBLEM, found, todo)


def runs_as(*processes: str) -> bool:
    """Return True if the environment is that of one of these processes, or of one account that runs them all."""
    return not settings.PROCESS or settings.PROCESS in processes
