"""Of a text that was edited in a browser each line that nobody touched keeps its own line end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.changes.forms.fields import ExactTextField
from portal.changes.forms.line_ends import restore_line_ends

ENDS = st.sampled_from(["\r\n", "\n", "\r"])
WORDS = st.text("ab ", max_size=3)
TEXTS = st.tuples(st.lists(st.tuples(WORDS, ENDS), max_size=8), WORDS)


def lines_of(text: str) -> list[tuple[str, str]]:
    return [(found[1], found[2]) for found in re.finditer(r"([^\r\n]*)(\r\n|\r|\n|$)", text)]


def in_a_browser(text: str) -> str:
    return re.sub(r"\r\n|\r", "\n", text)


def joined(lines: list[tuple[str, str]]) -> str:
    return "".join(words + end for words, end in lines)


@given(TEXTS)
def test_text_that_nobody_edited_comes_back_as_it_was(given_text: tuple[list[tuple[str, str]], str]) -> None:
    seen = joined(given_text[0]) + given_text[1]
    field = ExactTextField(limit=1000, lines=True, label="Notes")
    field.seen = seen
    assert field.clean(in_a_browser(seen).replace("\n", "\r\n")) == seen


@given(TEXTS, st.data())
def test_edited_lines_change_no_line_end(given_text: tuple[list[tuple[str, str]], str], data: st.DataObject) -> None:
    lines = lines_of(joined(given_text[0]) + given_text[1])
    lines = lines[:-1] if len(lines) > 1 and not lines[-2][1] else lines
    edited = data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=4))
    wanted = [(f"edited {at}", end) if at in edited else (words, end) for at, (words, end) in enumerate(lines)]
    assert restore_line_ends(in_a_browser(joined(wanted)), joined(lines)) == joined(wanted)


@given(TEXTS, st.data())
def test_lines_put_in_or_taken_out_in_one_place_change_no_other_line(
    given_text: tuple[list[tuple[str, str]], str], data: st.DataObject
) -> None:
    lines = [(f"{at} {words}", end) for at, (words, end) in enumerate([*given_text[0], (given_text[1], "")])]
    start = data.draw(st.integers(0, len(lines) - 1))
    stop = data.draw(st.integers(start, len(lines) - 1))
    new = data.draw(st.lists(st.just("a new line"), max_size=3))
    edited = "\n".join([*(words for words, _ in lines[:start]), *new, *(words for words, _ in lines[stop:])])
    found = lines_of(restore_line_ends(edited, joined(lines)))
    assert found[:start] == lines[:start]
    assert [line for line in found if line[0] != "a new line"][start : start + len(lines) - stop] == lines[stop:]


@pytest.mark.parametrize(
    ("seen", "edited", "kept"),
    [
        ("a\r\nb\nc", "X\nb\nc", "X\r\nb\nc"),
        ("a\nb\r\n", "a\nX\n", "a\nX\r\n"),
        ("a\nb\r\nc", "a\nnew\nb\nc", "a\nnew\nb\r\nc"),
        ("a\r\nb", "a\nb\nc", "a\r\nb\r\nc"),
        ("a\rb\r", "a\n", "a\r"),
        ("one", "one\ntwo", "one\ntwo"),
        ("a\r\nb\nc\rd", "d", "d"),
        ("a\nb", "", ""),
    ],
)
def test_line_ends_of_known_edits(seen: str, edited: str, kept: str) -> None:
    assert restore_line_ends(edited, seen) == kept
