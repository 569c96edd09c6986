"""Django's own list of what a deployment must not forget: nothing on it, and it is really asked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from portal.devserver.checks import CHECKS, PRODUCTION
from tests.rig.portal import ROOT

pytestmark = pytest.mark.shows("W17")

DEPLOYMENT = dict(CHECKS)["deployment"]


def check(**env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *DEPLOYMENT],
        cwd=ROOT,
        env={**os.environ, **PRODUCTION, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_production_has_nothing_that_django_warns_of_and_no_debug() -> None:
    clean = check()
    assert (clean.returncode, clean.stderr) == (0, "")
    assert "no issues (0 silenced)" in clean.stdout


@pytest.mark.parametrize(
    ("env", "warning"),
    [
        ({"PORTAL_BASE_URL": "http://127.0.0.1:8000"}, "security.W012"),
        ({"PORTAL_BASE_URL": "http://127.0.0.1:8000", "PORTAL_DEBUG": "1"}, "security.W018"),
        ({"PORTAL_SECRET_KEY": "x" * 64}, "security.W009"),
    ],
)
def test_what_a_laptop_may_do_is_told_of_a_deployment(env: dict[str, str], warning: str) -> None:
    told = check(**env)
    assert told.returncode == 1
    assert warning in told.stderr
