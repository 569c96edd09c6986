"""Names and sentences that a newcomer understands at once: verbs and objects, the field's terms, no private words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.rig.portal import ROOT

SINGLE_WORDS = {"main", "failpoint"}
OPAQUE = {"told", "said", "felt", "gone", "heard", "held", "kept", "laid", "standing", "wishes", "strangers"}
EXEMPT = ("/views/", "/views.py", "/templatetags/", "/migrations/", "/context_processors.py", "devserver/bootstrap.py")
"""A view has the name of its address, a tag that of its use in templates, a command of `make` that of the command."""
SHARED_CLASS_NAMES = {
    "AlreadyRunning",  # a connection test, and `make run`
    "ApiSecret",  # the row of the catalog, and what Segura answered
    "Command",  # of manage.py
    "Migration",
}
"""Names that two modules give; remove, never add."""
MODULES = sorted(path for path in (ROOT / "portal").rglob("*.py") if "__pycache__" not in path.parts)


def relative_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def one_word_functions(source: str) -> list[str]:
    """Return the public functions whose name has one word, or a word that says nothing."""
    names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    public = [name for name in names if not name.startswith("_") and name not in SINGLE_WORDS]
    return [name for name in public if "_" not in name or OPAQUE & set(name.split("_"))]


@pytest.mark.parametrize("path", MODULES, ids=relative_name)
def test_public_function_has_a_verb_and_an_object(path: Path) -> None:
    if not any(part in f"/{relative_name(path)}" for part in EXEMPT):
        assert one_word_functions(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", ["turn", "told_of", "names_kept"])
def test_name_that_says_nothing_is_found(name: str) -> None:
    assert one_word_functions(f"def {name}() -> None: ...") == [name]


def test_class_has_a_name_of_its_own() -> None:
    homes: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(relative_name(path))
    assert {name for name, places in homes.items() if len(places) > 1} == SHARED_CLASS_NAMES
