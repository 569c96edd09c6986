"""The suite runs on PostgreSQL; what tests/ marks `domain` must hold on SQLite too, the engine of `make run`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.rig.rounds import LONG, rounds


@pytest.mark.domain
def test_run_is_on_the_engine_it_was_asked_for(pytestconfig: pytest.Config) -> None:
    assert connection.vendor == ("sqlite" if pytestconfig.getoption("sqlite") else "postgresql")


@pytest.mark.shows("F19")
@pytest.mark.timeout(rounds(900, 3600))
def test_domain_suite_passes_on_sqlite(pytestconfig: pytest.Config) -> None:
    """Worker processes take minutes here: on SQLite they are for the long form, which runs each of them a few times."""
    which = rounds("domain and not processes", "domain")
    passes_on_sqlite(pytestconfig.rootpath, "-m", which)


@pytest.mark.shows("F22")
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not LONG, reason="its short form is part of the domain suite")
def test_state_machine_passes_on_sqlite_in_its_long_form(pytestconfig: pytest.Config) -> None:
    passes_on_sqlite(pytestconfig.rootpath, "tests/faults/test_state_machine.py", FAULTS="long")


def passes_on_sqlite(root: Path, *tests: str, **environment: str) -> None:
    """In a run of its own, not one more worker of this one."""
    command = [sys.executable, "-m", "pytest", "--sqlite", "-n", "2", "--color=no", *tests]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "FAULTS"))}
    run = subprocess.run(command, cwd=root, env=kept | environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
