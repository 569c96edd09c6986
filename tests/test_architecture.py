"""How long files and functions may be, so that each keeps one job. Who may import whom: `lint-imports`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.portal import ROOT

FILE, FUNCTION = 300, 40
MODULES = sorted(path for path in (ROOT / "portal").rglob("*.py") if "migrations" not in path.parts)
LISTS = {"portal/settings.py", "portal/audit/offline/verify_countersign.py"}
"""Read from top to bottom, and nothing in it calls anything of it: two of them would be harder to read."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Name and lines of each, its docstring left out: promises may be as long as they are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            said = ast.get_docstring(node, clean=False) is not None
            told = (first.end_lineno or 0) - first.lineno + 1 if said else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - told


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_file_and_its_functions_keep_to_their_length(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE or name(path) in LISTS
    assert [(of, lines) for of, lines in functions(ast.parse(text)) if lines > FUNCTION] == []
