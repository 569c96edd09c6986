"""Findings of the doctor: what is found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings


class Severity(StrEnum):
    """Severity: a problem breaks a guarantee of the portal or stops it; advice is for what may be intended."""

    OK = "ok"
    ADVICE = "advice"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """A finding. `found`: the state, never with a secret; `todo`: what to do about it, '' if nothing."""

    area: str
    level: Severity
    found: str
    todo: str = ""


@dataclass(frozen=True)
class CheckArea:
    """Constructor of the findings of one area."""

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
