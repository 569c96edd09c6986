"""No command of these pages that no test runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rig import documented
from tests.rig.portal import ROOT

TESTS = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))


@pytest.mark.parametrize("name", ["runbook.md", "production.md"])
def test_every_section_with_commands_has_a_test_that_names_it(name: str) -> None:
    page = ROOT / "docs" / name
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    with_commands = [heading for heading in headings if documented.blocks(heading, page)]
    assert len(with_commands) > 5
    assert [heading for heading in with_commands if f'"{heading}"' not in TESTS] == []


@pytest.mark.parametrize("name", ["runbook.md", "production.md"])
def test_links_to_other_pages_lead_somewhere(name: str) -> None:
    page = ROOT / "docs" / name
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
