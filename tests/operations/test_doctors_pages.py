"""What the doctor sends an operator to read is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.rig.portal import ROOT

_NAMED = re.compile(r"(\S+\.md), “([^”]+)”")


def said() -> Iterator[str]:
    """Every text of the doctor that names a page, the fixed part of f-strings included."""
    for file in sorted((ROOT / "portal" / "operations" / "doctor").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.search(r"\.md\b|README", text):
                yield text


def test_findings_name_pages_to_read() -> None:
    assert len(list(said())) > 1


@pytest.mark.parametrize("text", list(said()))
def test_page_and_section_that_a_finding_names_exist(text: str) -> None:
    named = _NAMED.search(text)
    assert named, f"no page and section: {text}"
    page, section = named.groups()
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert section in headings
