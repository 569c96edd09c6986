"""The commands that the documentation tells operators to run, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from portal.devserver.postgres_server import find_programs
from tests.rig.portal import ROOT

RUNBOOK = ROOT / "docs" / "runbook.md"
CONTAINERS = "bash"
"""The language of blocks for containers, which only a machine with an engine can run."""


def blocks(heading: str, page: Path = RUNBOOK, language: str = "sh") -> list[str]:
    """Return the fenced blocks of a section, in their order; sections below it are not part of it."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}$\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no section {heading!r}"
    return re.findall(rf"^```{language}\n(.*?)^```$", found[1], re.MULTILINE | re.DOTALL)


def path() -> str:
    """Where the portal's Python and PostgreSQL's programs are found first."""
    return os.pathsep.join([str(Path(sys.executable).parent), str(find_programs()), os.environ["PATH"]])


def run(block: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """As an operator would paste it into a shell that stops at the first error, in the portal's folder."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=ROOT,
        env={**env, "PATH": path()},
        capture_output=True,
        text=True,
        check=False,
    )
