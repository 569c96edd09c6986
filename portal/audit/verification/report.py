"""Result of a verification."""

from __future__ import annotations

from dataclasses import dataclass, field

_NAMED = 100


@dataclass
class VerificationReport:
    """The result of a verification. `findings` names at most a hundred places, `problems` counts all of them."""

    size: int = 0
    key_id: str = ""
    trusted: bool = False
    pruned: int = 0
    findings: list[str] = field(default_factory=list)
    problems: int = 0
    seconds: float = 0

    @property
    def intact(self) -> bool:
        """True if nothing is wrong."""
        return not self.problems

    def add(self, finding: str) -> None:
        """Count a finding, and store it unless a hundred are stored already."""
        self.problems += 1
        if len(self.findings) < _NAMED:
            self.findings.append(finding)
