"""What the portal says, found in its sources without GNU gettext: messages in code, in templates and in catalogues."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from django.template.base import Lexer, TokenType
from django.utils.translation.template import templatize

from tests.rig.portal import ROOT

MODULES = sorted((ROOT / "portal").rglob("*.py"))
FOLDERS = (ROOT / "templates", ROOT / "portal" / "devserver" / "templates")
TEMPLATES = sorted(path for each in FOLDERS for path in each.rglob("*") if path.suffix in (".html", ".txt"))
CATALOGUE = ROOT / "portal" / "locale" / "pt_BR" / "LC_MESSAGES" / "django.po"

_FAMILY = {"gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
_STRING = r"""u('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(rf"\b(?:(?:n?gettext|_)\(|pgettext\({_STRING}, ){_STRING}(?:, {_STRING})?")
_SPOKEN = ("aria-label", "title", "placeholder", "alt", "aria-description", "aria-roledescription")
_LETTERS = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Message:
    """A message as the code asks for it: with the plural, and what tells it from others of its spelling."""

    singular: str
    plural: str = ""
    context: str = ""


@dataclass
class Entry:
    """A message in the catalogue: its texts, one per plural form, and the flags of its comment."""

    message: Message
    texts: list[str]
    flags: set[str] = field(default_factory=set)


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call of gettext's family in a module, whatever it is imported as."""
    tree = ast.parse(path.read_text())
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in _FAMILY
    }
    # A program that must run without Django marks its messages with a function of its own.
    names |= {
        target.id: target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in _FAMILY
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield names[node.func.id], node


def said_in_code() -> dict[Message, str]:
    """The messages of all modules and where each was found."""
    found = {}
    for path in MODULES:
        for name, call in calls(path):
            texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            context = texts.pop(0) if texts and name.startswith("pgettext") else ""
            if texts:
                plural = texts[1] if name.startswith("ngettext") else ""
                found[Message(texts[0], plural, context)] = f"{path.relative_to(ROOT)}:{call.lineno}"
    return found


def said_in_templates() -> dict[Message, str]:
    """The messages of all templates, as Django itself reads them."""
    found = {}
    for path in TEMPLATES:
        for context, *texts in _CALL.findall(templatize(path.read_text(), origin=str(path))):
            message = Message(*(ast.literal_eval(text) if text else "" for text in (*texts, context)))
            found[message] = str(path.relative_to(ROOT))
    return found


def catalogue() -> tuple[dict[str, str], list[Entry], list[str]]:
    """Header, entries and obsolete lines of the Portuguese .po file."""
    entries, obsolete = [], []
    for block in CATALOGUE.read_text().split("\n\n"):
        lines = block.splitlines()
        obsolete += [line for line in lines if line.startswith("#~")]
        texts = _strings(line for line in lines if not line.startswith("#"))
        if texts:
            flags = {flag.strip() for line in lines if line.startswith("#,") for flag in line[2:].split(",")}
            message = Message(texts.pop("msgid"), texts.pop("msgid_plural", ""), texts.pop("msgctxt", ""))
            entries.append(Entry(message, list(texts.values()), flags))
    header = dict(line.split(": ", 1) for line in entries.pop(0).texts[0].splitlines())
    return header, entries, obsolete


def _strings(lines: Iterator[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    keyword = ""
    for line in lines:
        if not line.startswith('"'):
            keyword, _, line = line.partition(" ")
        texts[keyword] = texts.get(keyword, "") + ast.literal_eval(line)
    return texts


def unspoken(path: Path) -> list[str]:
    """Text of a template that people read or hear, and that no tag translates."""
    text, inside = "", False
    for token in Lexer(path.read_text()).tokenize():
        tag = token.contents.split(" ")[0]
        if token.token_type is TokenType.BLOCK and tag in ("blocktranslate", "comment"):
            inside = True
        elif token.token_type is TokenType.BLOCK and tag in ("endblocktranslate", "endcomment"):
            inside = False
        elif token.token_type is TokenType.TEXT and not inside:
            text += token.contents
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spoken = [value or "" for name, value in attrs if name in _SPOKEN]
        button = tag == "input" and ("type", "submit") in attrs
        self._hear(*spoken, *[value or "" for name, value in attrs if button and name == "value"])

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # else it is the style of a mail
            self._hear(*data.splitlines())

    def _hear(self, *texts: str) -> None:
        self.found += [text.strip() for text in texts if _LETTERS.search(text)]
