"""Subjects of commits: one change each, short enough for every list of commits."""

from __future__ import annotations

import subprocess

import pytest

from tests.rig.portal import ROOT

LENGTH = 72
FIRST = "27e2a1e"
"""The last commit before the rule."""


def find_faults(subject: str) -> list[str]:
    """Return what is wrong with the subject of a commit, in words."""
    faults = []
    if len(subject) > LENGTH:
        faults.append(f"longer than {LENGTH} characters")
    if ";" in subject:
        faults.append("a semicolon: make two commits")
    if subject.endswith("."):
        faults.append("a full stop")
    if not subject[:1].isupper():
        faults.append("no capital letter at the beginning")
    return faults


def test_subject_of_each_commit_is_short_and_says_one_thing() -> None:
    log = ["git", "log", "--no-merges", "--format=%s", f"{FIRST}..HEAD"]
    read = subprocess.run(log, cwd=ROOT, capture_output=True, text=True, check=False)
    if read.returncode != 0:
        pytest.skip("this checkout has no history")
    assert {subject: faults for subject in read.stdout.splitlines() if (faults := find_faults(subject))} == {}


@pytest.mark.parametrize(
    "subject", ["x" * 73, "Rename a module; fix a test", "Rename a module.", "rename a module", ""]
)
def test_subject_that_breaks_the_rule_is_found(subject: str) -> None:
    assert find_faults(subject)
