"""What is committed works on any machine and names none."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.portal import ROOT

# Put together here, so that this file does not find itself.
FORBIDDEN = {
    "a home folder": re.compile(rb"/(?:home|Users)/\w+/|/ro" + rb"ot/"),
    "a package registry": re.compile(
        rb"pypi\." + rb"org|files\.python" + rb"hosted|registry\.npm" + rb"js|:31" + rb"41/|/simp" + rb"le/",
        re.IGNORECASE,
    ),
    "a private address": re.compile(rb"\b(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+\b"),
    "a scratch folder": re.compile(rb"/tmp/(?:wt|venv|brief)\b|/wo" + rb"rk/(?:main|shared)"),
}
ADDRESSES_ARE_THE_SUBJECT = ("tests/", "portal/vault/", "portal/sandbox/")


def committed() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout
    files = [ROOT / name for name in listing.decode().split("\0") if name]
    if not files:
        pytest.skip("not a git checkout")
    return [path for path in files if path.is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_committed_file_names_a_machine(what: str) -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for path in committed()
        if not path.relative_to(ROOT).as_posix().startswith("static/vendor/")
        and FORBIDDEN[what].search(path.read_bytes())
    ]
    if what == "a private address":
        found = [name for name in found if not name.startswith(ADDRESSES_ARE_THE_SUBJECT)]
    assert found == []


def test_nothing_that_belongs_to_a_run_is_committed() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in committed()}
    assert not names & {".venv", ".state", ".secrets", "node_modules"}


def test_bootstrap_needs_nothing_but_the_standard_library() -> None:
    """-S -I: no site-packages; the same must hold for what a bare Python runs before the portal is installed."""
    for module in ("portal.devserver.bootstrap", "portal.operations.secret_files", "portal.devserver.state_dir"):
        probe = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}"
        run = subprocess.run([sys.executable, "-S", "-I", "-c", probe], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
