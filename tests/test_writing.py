"""Names and sentences that a newcomer understands at once: verbs and objects, the field's terms, no private words."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.portal import ROOT

SINGLE_WORDS = {"main", "failpoint"}
OPAQUE = {"told", "said", "felt", "gone", "heard", "held", "kept", "laid", "standing", "wishes", "strangers"}
EXEMPT = ("/views/", "views.py", "/templatetags/", "/migrations/", "/context_processors.py", "devserver/bootstrap.py")
"""A view has the name of its address, a tag that of its use in templates, a command of `make` that of the command."""
SHARED_CLASS_NAMES = {
    "ChainedKey",
    "KeyNotCounted",
    "NotSigned",
    "AlreadyRunning",  # a connection test, and `make run`
    "ApiSecret",  # the row of the catalog, and what Segura answered
    "Command",  # of manage.py
    "Migration",
}
"""Names that two modules give; remove, never add."""
BANNED = {
    r"\bwho(?:m|se)?ever\b": "name the role",
    r"\banew\b": "again",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\bshall\b": "must, or will",
    r"\b(?:some|no|any|every)body\b": "name the role, or another user, no user",
    r"\bNone (?:where|for who)\b": "None if",
    r"(?:^|[.:;] )(?:Who|Whom|Whose|What) [a-z][^?]*$": "start with the noun or the verb",
    r"\b(?:told|comes? by|goes out|stand-in|gravest?|the heart|diary)\b": "the field's term",
    r"\bthe machine(?:'s)?\b": "the worker, the portal or the host",
}
"""Words of docstrings and comments that a newcomer does not understand at once, and what to write instead."""
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


def sentences(source: str) -> Iterator[str]:
    """Yield each sentence of a docstring and each comment, without what they quote in backticks."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield from re.split(r"(?<=\.)\s+", re.sub(r"`[^`]*`", "", ast.get_docstring(node) or ""))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield re.sub(r"`[^`]*`", "", token.string.lstrip("# "))


def banned_words(source: str) -> list[tuple[str, str]]:
    return [(text, use) for text in sentences(source) for pattern, use in BANNED.items() if re.search(pattern, text)]


@pytest.mark.parametrize("path", MODULES, ids=relative_name)
def test_docstrings_and_comments_use_the_fields_words(path: Path) -> None:
    assert banned_words(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Ends for whoever asks.",
        "Read it anew.",
        "What to mend.",
        "It shall end.",
        "Nobody is asked: somebody waits.",
        "None where it is away.",
        "Who may vote.",
        "The change is told once.",
        "It wakes the machine.",
    ],
)
def test_sentence_in_private_words_is_found(sentence: str) -> None:
    assert banned_words(f'"""{sentence}"""')
    assert banned_words(f"# {sentence}")
