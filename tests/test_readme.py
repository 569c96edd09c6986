"""The README and docs/configuration.md agree with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.devserver.bootstrap import main
from portal.devserver.demo_users import PEOPLE
from tests import settings_names
from tests.rig.portal import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LONGEST = {"README.md": 80, "CONTRIBUTING.md": 120}
ROWS = re.findall(r"^\| `([A-Z_]+)`( 🔑)? \|", CONFIGURATION, re.MULTILINE)


def test_configuration_page_has_one_row_for_each_setting_and_no_other() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(settings_names.names())
    assert len(ROWS) > 30


def test_configuration_page_marks_the_settings_that_may_come_from_a_file() -> None:
    assert {name for name, key in ROWS if key} == settings_names.secret_names()


def test_demo_accounts_are_the_ones_that_are_made() -> None:
    table = README.partition("| account | may |")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", table) == list(PEOPLE)


def test_commands_exist_with_and_without_make(capsys) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    assert set(re.findall(r"`make ([\w-]+)", README)) <= targets
    assert main([]) == 2
    known = set(capsys.readouterr().err.split()[-1].split("|"))
    assert targets <= known
    assert set(re.findall(r"portal\.devserver\.bootstrap (\w+)`", README)) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_and_contributing_stay_short() -> None:
    lengths = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in LONGEST}
    assert {name: length for name, length in lengths.items() if length > LONGEST[name]} == {}


def test_every_decision_is_in_the_index_and_has_its_parts() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    index = re.findall(r"\]\((\d{3}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert index == [page.name for page in pages]
    assert [int(name[:3]) for name in index] == list(range(1, len(index) + 1))
    parts = r"# .+\n\nDate: \d{4}-\d\d-\d\d\n\nStatus: .+\n\n## Context\n.+## Decision\n.+## Consequences\n"
    assert [page.name for page in pages if not re.match(parts, page.read_text(encoding="utf-8"), re.DOTALL)] == []
