"""The suite runs on PostgreSQL; what tests/ marks `domain` must hold on SQLite too, the engine of `make run`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection


@pytest.mark.domain
def test_run_is_on_the_engine_it_was_asked_for(pytestconfig: pytest.Config) -> None:
    assert connection.vendor == ("sqlite" if pytestconfig.getoption("sqlite") else "postgresql")


@pytest.mark.timeout(900)  # with worker processes, beside as many of the suite's own
def test_domain_suite_passes_on_sqlite(pytestconfig: pytest.Config) -> None:
    command = [sys.executable, "-m", "pytest", "--sqlite", "-m", "domain", "-n", "2", "--color=no"]
    # A run of its own, not one more worker of this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        command, cwd=pytestconfig.rootpath, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
