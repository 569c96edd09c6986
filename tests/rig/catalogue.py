"""The catalogue of docs/reliability.md and the tests that show its entries.

`python -m tests.rig.catalogue` writes docs/catalogue.md.

A test names what it shows: `@pytest.mark.shows("F03", "F04")`, or in its module's `pytestmark`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "catalogue.md"
_ENTRY = re.compile(r"^\| ([FDASW]\d\d) \| (.*?) \| .* \| (.*?) \|$")
_NOT_HERE = re.compile(r"^- ([FDASW]\d\d): (.+)$")
_HEAD = """# The catalogue and its tests

Each entry of [the catalogue](reliability.md#c-test-catalogue) and the tests that show it; made by
`python -m tests.rig.catalogue`. `make test` runs each in its short form, `make faults` as often as the catalogue asks.
"""


def entries() -> dict[str, tuple[str, str]]:
    """ID -> what goes wrong, what must be seen."""
    lines = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines()
    return {found[1]: (found[2], found[3]) for line in lines if (found := _ENTRY.match(line))}


def not_here() -> dict[str, str]:
    """ID -> why it cannot be run here, from docs/reliability.md."""
    lines = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines()
    return {found[1]: found[2] for line in lines if (found := _NOT_HERE.match(line))}


def shown() -> dict[str, list[tuple[str, str]]]:
    """ID -> the tests that show it, each as file (from the root) and name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for test, ids in _claims(ast.parse(file.read_text(encoding="utf-8"))):
            for entry in ids:
                found.setdefault(entry, []).append((file.relative_to(ROOT).as_posix(), test))
    return found


def page() -> str:
    """The whole page."""
    tests, reasons = shown(), not_here()
    lines = [_HEAD, "| ID | What goes wrong | What must be seen | Tests |", "| --- | --- | --- | --- |"]
    for entry, (fault, expected) in sorted(entries().items()):
        where = "<br>".join(f"[{_words(name)}](../{file})" for file, name in tests.get(entry, []))
        lines.append(f"| {entry} | {fault} | {expected} | {where or 'Not run here: ' + reasons.get(entry, '')} |")
    return "\n".join(lines) + "\n"


def _words(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def _claims(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    everywhere = [
        entry
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(to, ast.Name) and to.id == "pytestmark" for to in node.targets)
        for entry in _named(node.value)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.lower().startswith("test"):
            own = [entry for decorator in node.decorator_list for entry in _named(decorator)]
            if isinstance(node, ast.FunctionDef) or own:
                yield node.name, [*everywhere, *own]


def _named(node: ast.AST) -> list[str]:
    """The entries of every `pytest.mark.shows(...)` in this expression."""
    return [
        argument.value
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "shows"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    ]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
