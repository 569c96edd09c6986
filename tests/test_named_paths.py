"""Files, settings and commands that the documentation names in backticks exist."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [*(ROOT / "portal").rglob("*.py"), *(ROOT / "deploy").rglob("*"), ROOT / "docker-compose.yml"]
SOURCES += (ROOT / "tests" / "rig").rglob("*.py")
_PATH = re.compile(r"(?<![\w/.-])(?:portal|tests|templates|static|deploy|docs)/[\w./-]*\w")
_COMMAND = re.compile(r"manage\.py ([a-z]\w+)|countersign-manage \w+ ([a-z]\w+)")
_WRITTEN_LATER = {"deploy/image-digests.env"}
_OF_COMPOSE = {"COMPOSE_PROJECT_NAME"}
_SETTING = re.compile(r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+")


def quoted_in(page: Path) -> list[str]:
    """Return what stands in single backticks outside fenced blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", text)


def exists(path: str) -> bool:
    """Return whether the file exists, also as a module named without its suffix."""
    return any((ROOT / f"{path}{suffix}").exists() for suffix in ("", ".py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_file_that_a_page_names_exists(page: Path) -> None:
    paths = chain.from_iterable(_PATH.findall(quoted.partition("::")[0]) for quoted in quoted_in(page))
    assert [path for path in paths if not exists(path) and path not in _WRITTEN_LATER] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_command_that_a_page_names_exists(page: Path) -> None:
    named = ["".join(found) for quoted in quoted_in(page) for found in _COMMAND.findall(quoted)]
    assert [command for command in named if command not in get_commands()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_setting_that_a_page_names_is_read_somewhere(page: Path) -> None:
    read = "".join(path.read_text(encoding="utf-8") for path in SOURCES if path.is_file())
    named = {name for quoted in quoted_in(page) for name in [quoted.partition("=")[0]] if _SETTING.fullmatch(name)}
    assert sorted(name for name in named - _OF_COMPOSE if name not in read) == []
