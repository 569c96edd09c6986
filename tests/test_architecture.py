"""Length of files and functions, and docs/architecture.md against the code. `lint-imports` checks the imports.

`python -m tests.test_architecture` writes the import contracts of pyproject.toml into the page.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.portal import ROOT

FILE, FUNCTION = 300, 40
PAGE = ROOT / "docs" / "architecture.md"
_CONTRACTS = re.compile(r"(<!-- contracts:.*? -->\n).*?(<!-- end of contracts -->)", re.DOTALL)
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


def page_with_contracts() -> str:
    """Return the page with the layers of every contract as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [
        f"### {contract['name']}\n\n```text\n" + "\n".join(contract["layers"]) + "\n```\n\n"
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    return _CONTRACTS.sub(lambda found: f"{found[1]}\n{''.join(parts)}{found[2]}", PAGE.read_text(encoding="utf-8"))


def test_page_shows_the_import_contracts() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_with_contracts(), "run: python -m tests.test_architecture"


@pytest.mark.parametrize("container", ["portal", "portal/changes", "portal/audit"])
def test_page_names_every_package(container: str) -> None:
    tree = PAGE.read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
    packages = {path.parent.name for path in (ROOT / container).glob("*/__init__.py")}
    by_convention = {"locale", "management", "migrations", "templatetags"}
    assert {package for package in packages - by_convention if f" {package}/" not in tree} == set()


if __name__ == "__main__":
    PAGE.write_text(page_with_contracts(), encoding="utf-8")
