"""Runs tests in a copy of the tree and says which of them failed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.mutant import ROOT, Mutant

_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".state", ".secrets", "__pycache__", ".*_cache", "screenshots")
_FAILED = re.compile(r"^FAILED (.+)", re.MULTILINE)
_SKIPPED = re.compile(r"^SKIPPED .*", re.MULTILINE)
_PATIENCE_S = 600


class Unsound(Exception):
    """The run proves nothing; the message is its output."""


def baseline(mutants: Iterable[Mutant]) -> None:
    """All tests of these mutants pass on the tree as it is, and none is skipped. Raises Unsound."""
    with _copy_of_the_tree() as root:
        output, failed = _run(root, sorted({test for mutant in mutants for test in mutant.tests}))
    if failed or _SKIPPED.search(output):
        raise Unsound(f"Tests that do not pass as it is watch nothing:\n{output[-3000:]}")


def first_failure_without(mutant: Mutant) -> str:
    """Take the defence out of a copy: its first test that fails, and how; '' where all pass. Raises Misfit, Unsound."""
    with _copy_of_the_tree() as root:
        mutant.apply(root)
        return _run(root, mutant.tests)[1]


def _run(root: Path, tests: Iterable[str]) -> tuple[str, str]:
    """What pytest said, and the first test that failed with its reason. An error is not a failure: raises Unsound."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-rfEs", "--tb=short", "--color=no", *tests]
    # A run of its own, on servers of its own, whoever started this one; the long form holds only the catalogue's tests.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_") and name != "FAULTS"}
    run = subprocess.run(
        command,
        cwd=root,
        env=kept | {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "250"},  # as long as a line may become
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    failed = _FAILED.search(run.stdout)
    if run.returncode != bool(failed):
        raise Unsound(run.stdout[-3000:] + run.stderr[-1000:])
    return run.stdout, failed[1] if failed else ""


@contextmanager
def _copy_of_the_tree() -> Iterator[Path]:
    """A copy to spoil, without environment, history and state; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        root = Path(folder) / "tree"
        shutil.copytree(ROOT, root, ignore=_NOT_COPIED)
        yield root
