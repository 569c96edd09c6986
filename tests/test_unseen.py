"""What nobody can see is the same for whoever refuses, shows, warns of or keeps text."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from django.core.exceptions import ValidationError

from portal.audit.visible import escape_invisible
from portal.changes.domain import url_checks
from portal.changes.forms.fields import reject_invisible
from portal.common.invisible_characters import NEEDED, is_invisible, show_invisible
from portal.vault.scrubbing import clean_text

pytestmark = pytest.mark.shows("W12")

HIDING = ("Cc", "Cf", "Cs", "Zl", "Zp")
BLANK = ["\u3164", "\u115f", "\uffa0", "\u2800", "\u034f", "\ufe0f", "\U000e0101", "\u17b5", "\u180b"]
SAMPLE = ["\u202e", "\u200b", "\u2066", "\ufeff", "\x1b", "\x00", "\u2028", "\u00a0", "\U000e0041", *BLANK]


def test_no_character_of_the_hiding_kinds_is_missed_and_no_letter_is_taken_for_one() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    missed = [char for char in every if unicodedata.category(char) in HIDING and not is_invisible(char)]
    assert missed == []
    wrong = [
        char for char in every if is_invisible(char) and unicodedata.category(char)[0] in "LNP" and char not in BLANK
    ]
    assert [f"{ord(char):04X}" for char in wrong] == ["1160"]


@pytest.mark.parametrize("char", SAMPLE, ids=ascii)
def test_each_unseen_character_is_shown_everywhere_and_kept_nowhere(char: str) -> None:
    text = f"a{char}b"
    assert f"⟨U+{ord(char):04X}⟩" in show_invisible(text)
    assert char not in escape_invisible(text)
    assert "\\u" in escape_invisible(text)
    assert clean_text(text) == "a b"
    assert url_checks.url_warnings(f"https://a{char}.example/")


@pytest.mark.parametrize("char", [char for char in SAMPLE if char not in NEEDED | {"\u00a0"}], ids=ascii)
def test_each_is_refused_where_it_is_typed(char: str) -> None:
    with pytest.raises(ValidationError, match="cannot be seen"):
        reject_invisible("Name", f"a{char}b")


@pytest.mark.parametrize("text", ["ação", "名前", "❤\ufe0f", "क्\u200dष", "a\u00a0b", "مرحبا", "e\u0301"])
def test_what_people_write_may_be_typed(text: str) -> None:
    reject_invisible("Name", text)


@pytest.mark.parametrize("text", ["plain", "ação", "名前 and Latin", "line\nline", "€ “quoted” …"])
def test_what_people_write_is_shown_as_it_is(text: str) -> None:
    assert show_invisible(text) == escape_invisible(text) == text
