"""The suite runs on PostgreSQL; what tests/ marks `domain` must hold on SQLite too, the engine of `make run`."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.timeout(600)
def test_domain_suite_passes_on_sqlite(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("sqlite"):
        pytest.skip("this is that run")
    command = [sys.executable, "-m", "pytest", "--sqlite", "-m", "domain", "-n", "2", "--color=no"]
    run = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
