"""Difference of the old and the new value of a text field, as pages mark it. Pure.

All pages and the live difference of the form use `compare_values`; the evidence summary marks the same tokens.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from portal.changes.domain import lookalikes
from portal.common.invisible_characters import code_point, replace_invisible, show_invisible
from portal.common.text_marks import Run, mark_lines, mark_texts

_CONTEXT = 3
"""Unchanged lines that are shown before and after a change; a longer stretch folds."""


@dataclass(frozen=True)
class Piece:
    """Part of a value with everything invisible spelled out, and whether it differs from the other value."""

    text: str
    marked: bool


@dataclass(frozen=True)
class Block:
    """Some lines of both values: `kept` lines that are the same, or else lines that are replaced; [] if there are none.

    Pages show kept lines that are `folded` only on demand, and their `number` at once.
    """

    kept: bool
    old: list[Piece]
    new: list[Piece]
    folded: bool = False
    number: int = 0


@dataclass(frozen=True)
class TextDifference:
    """Difference of two values in blocks; `remark`: why two values that look equal are not, else ''.

    `added` and `removed`: tags, for the field of tags.
    """

    blocks: list[Block]
    remark: str
    added: list[str]
    removed: list[str]


def compare_values(field: str, old: str, new: str) -> TextDifference:
    """Return the difference between two values of this field."""
    found = mark_lines(old, new) if field == "notes" else [mark_texts(field, old, new)]
    spelled = _spell_blocks(found, old, new)
    tags = [set(_split_tags(value)) for value in (old, new)] if field == "tags" else [set(), set()]
    return TextDifference(
        blocks=[part for block in spelled for part in _fold_block(block, block is spelled[0], block is spelled[-1])],
        remark=_explain_likeness(field, old, new),
        added=[show_invisible(tag) for tag in sorted(tags[1] - tags[0])],
        removed=[show_invisible(tag) for tag in sorted(tags[0] - tags[1])],
    )


def _split_tags(value: str) -> list[str]:
    return [tag for tag in (part.strip() for part in value.split(",")) if tag]


def _fold_block(block: Block, first: bool, last: bool) -> list[Block]:
    """Return the block, or its lines next to a change with the others folded between them."""
    before, after = 0 if first else _CONTEXT, 0 if last else _CONTEXT
    lines = "".join(piece.text for piece in block.old).split("\n")
    if not block.kept or len(lines) <= before + after + 1:
        return [block]
    end = len(lines) - after
    parts = (lines[:before], lines[before:end], lines[end:])
    pieces = [[Piece("\n".join(part), False)] for part in parts]
    return [
        Block(True, shown, shown, folded=place == 1, number=len(parts[place]))
        for place, shown in enumerate(pieces)
        if parts[place]
    ]


def _explain_likeness(field: str, old: str, new: str) -> str:
    """Return why two different values look equal; '' if they look different."""
    if field == "tags" and sorted(_split_tags(old)) == sorted(_split_tags(new)):
        same_order = _split_tags(old) == _split_tags(new)
        return _("Same tags, other spaces or commas.") if same_order else _("Same tags in another order.")
    sentences: dict[Callable[[str], str], str] = {
        _compose: _("Looks equal: same letters, composed differently."),
        _unify_line_ends: _("Looks equal: only line ends differ."),
        str.strip: _("Looks equal: only spaces or line ends at the start or the end differ."),
        _drop_shapeless: _("Looks equal: only spaces or invisible characters differ."),
        lookalikes.fold_lookalikes: _("Looks equal: different characters of the same shape."),
    }
    return next((sentence for fold, sentence in sentences.items() if fold(old) == fold(new)), "")


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _unify_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _drop_shapeless(text: str) -> str:
    return replace_invisible("".join(text.split()), lambda _char: "")


def _spell_blocks(found: list[tuple[list[Run], list[Run]]], old: str, new: str) -> list[Block]:
    alike = lookalikes.fold_lookalikes(old) == lookalikes.fold_lookalikes(new)
    before = _spell_value([runs for runs, _runs in found], old, alike=alike)
    after = _spell_value([runs for _runs, runs in found], new, alike=alike)
    kept = [runs is new_runs for runs, new_runs in found]
    return [Block(*parts) for parts in zip(kept, before, after, strict=True)]


def _spell_value(blocks: list[list[Run]], value: str, *, alike: bool) -> Iterator[list[Piece]]:
    """Yield the blocks of a value in pieces; spaces at its start and its end, and marked ones, become visible.

    `alike`: the marked letters look like those of the other value, so they are shown as code points.
    """
    mixed = lookalikes.find_mixed_positions(value)
    first, last = len(value) - len(value.lstrip(" ")), len(value.rstrip(" "))
    at = 0
    for runs in blocks:
        pieces = []
        for text, marked in runs:
            lead = min(len(text), max(0, first - at))
            tail = min(len(text) - lead, max(0, at + len(text) - last))
            inner = text[lead : len(text) - tail]
            if mixed or (alike and marked):
                inner = _spell_letters(inner, at + lead, None if alike and marked else mixed)
            shown = "␣" * lead + _spell_inner(inner, marked=marked) + "␣" * tail
            pieces.append(Piece(shown if text else "↵", marked))
            at += len(text)
        yield pieces
        at += bool(runs)  # the line end after the block


def _spell_letters(text: str, at: int, positions: set[int] | None) -> str:
    """Return the text, which starts `at` this position of its value, with these letters (None: all) as code points."""
    return "".join(
        char if char.isascii() or (positions is not None and at + place not in positions) else code_point(char)
        for place, char in enumerate(text)
    )


def _spell_inner(text: str, *, marked: bool) -> str:
    """Return a text within a value; marked spaces and line ends are shown, as they would look empty alone."""
    inner = text.strip(" \n")
    if not inner:
        return text.replace(" ", "␣").replace("\n", "↵\n") if marked else text
    start = text.index(inner)
    return text[:start] + show_invisible(inner) + text[start + len(inner) :]
