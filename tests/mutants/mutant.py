"""One defence, how it is taken out, and the tests that must notice."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class Misfit(Exception):
    """The mutant is of another tree than this one; the message says what it does not find."""


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in `file`; at least one of `tests` (file::name) must then fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def check(self, root: Path = ROOT) -> None:
        """Raises Misfit unless the text to take out is there exactly once and every named test exists."""
        found = (root / self.file).read_text(encoding="utf-8").count(self.old)
        if found != 1:
            raise Misfit(f"{self.name}: {self.file} holds {found} times, not once: {self.old!r}")
        for test in self.tests:
            file, _, name = test.partition("::")
            if name not in _tests_of(root / file):
                raise Misfit(f"{self.name}: there is no test {test}")

    def apply(self, root: Path) -> None:
        """Take the defence out of the tree at `root`, a copy. Raises Misfit."""
        self.check(root)
        path = root / self.file
        path.write_text(path.read_text(encoding="utf-8").replace(self.old, self.new), encoding="utf-8")


def _tests_of(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
