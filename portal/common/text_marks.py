"""Token-level difference of two texts: which parts of the old and of the new text differ. Pure.

The offline verifier needs no other file and prints the same marks, so it holds a copy of everything below the imports.
tests/audit/test_summary_marks.py compares the two. Both run under Python 3.9.
"""

# ruff: noqa: B905 - Python 3.9 has no strict zip
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

Run = tuple[str, bool]
"""Part of a text, and whether it differs."""
Change = tuple[int, int, int, int]
"""Range of items that differ: start and end in the old sequence, start and end in the new one."""

MAX_STEPS = 25_000  # about 10 ms; a pair of texts that needs more is marked from its first to its last difference
LONG_TOKEN = 16  # characters; of a longer token only the part that differs is marked
URL = re.compile(r"(?s)(?:([^:/?#]*)(://))?(?:([^/?#]*)(@))?([^/?#]*)([^?#]*)([^#]*)(.*)")
URL_ROLES = (("scheme", ""), ("scheme", ""), ("user", ""), ("user", ""), ("host", r"([.:]|\s+)"), ("path", r"(/|\s+)"),
             ("query", r"([?&=]|\s+)"), ("fragment", ""))  # fmt: skip
TAGS = re.compile(r"(?s)[^,]+|,")
WORDS = re.compile(r"(?s)\n|[^\S\n]+|(?:\w[\u0300-\u036f]*)+|.")
LETTERS = re.compile(r"(?s)(?:[^\W\d_][\u0300-\u036f]*)+|\d+|.")


def mark_lines(old: str, new: str) -> list[tuple[list[Run], list[Run]]]:
    """Return blocks of whole lines, old and new, without their last line end; [] on a side without lines.

    In a block of lines that stay both sides are the same list.
    """
    before, after = old.split("\n"), new.split("\n")
    changes = find_changes(before, after, MAX_STEPS // 2)
    blocks: list[tuple[list[Run], list[Run]]] = []
    at = 0
    for start, end, new_start, new_end in [*changes, (len(before), len(before), len(after), len(after))]:
        if start > at:
            kept = [("\n".join(before[at:start]), False)]
            blocks.append((kept, kept))
        removed, added = "\n".join(before[start:end]), "\n".join(after[new_start:new_end])
        if end > start and new_end > new_start:
            blocks.append(mark_texts("notes", removed, added, MAX_STEPS // 2 // len(changes)))
        elif end > start or new_end > new_start:
            blocks.append(([(removed, True)][: end - start], [(added, True)][: new_end - new_start]))
        at = end
    return blocks


def mark_texts(field: str, old: str, new: str, steps: int = MAX_STEPS) -> tuple[list[Run], list[Run]]:
    """Return both texts in runs; the name of the field says what its tokens are."""
    before, after = split_tokens(field, old), split_tokens(field, new)
    if field == "tags" and (marked := mark_tags(before, after)):
        return marked
    changes = find_changes(before, after, steps)
    if field != "url" and field != "tags":
        changes = join_changes(before, after, changes)
    runs: tuple[list[Run], list[Run]] = ([], [])
    at = 0
    for start, end, new_start, new_end in changes:
        removed, added = join_tokens(before[start:end]), join_tokens(after[new_start:new_end])
        single = end - start == 1 == new_end - new_start and min(len(removed), len(added)) >= LONG_TOKEN
        head, tail = shared_ends(removed, added) if single or field not in ("url", "tags", "notes") else (0, 0)
        for side, text in zip(runs, (removed, added)):
            side += [(join_tokens(before[at:start]), False), (text[:head], False)]
            side += [(text[head : len(text) - tail], True), (text[len(text) - tail :], False)]
        at = end
    for side in runs:
        side.append((join_tokens(before[at:]), False))
    return join_runs(runs[0]), join_runs(runs[1])


def split_tokens(field: str, text: str) -> list[tuple[str, str]]:
    """Return the tokens of a text, each with its role: a host label is no path segment of the same letters."""
    if field == "url":
        parts = zip(URL_ROLES, URL.fullmatch(text).groups())  # type: ignore[union-attr]
        split = [(role, re.split(breaks, part) if breaks else [part]) for (role, breaks), part in parts if part]
        return [(role, token) for role, tokens in split for token in tokens if token]
    pattern = {"tags": TAGS, "notes": WORDS}.get(field, LETTERS)
    return [("", token) for token in pattern.findall(text)]


def mark_tags(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> tuple[list[Run], list[Run]] | None:
    """Return lists of tags with the removed and the added ones marked; None if both have the same tags."""
    old, new = ({token.strip() for _, token in tokens} | {","} for tokens in (before, after))
    if old == new:
        return None
    sides = ((before, new), (after, old))
    marked = [[part for _, token in tokens for part in mark_tag(token, token.strip() not in other)]
              for tokens, other in sides]  # fmt: skip
    return join_runs(marked[0]), join_runs(marked[1])


def mark_tag(token: str, differs: bool) -> list[Run]:
    """Return a tag as runs; the spaces around it are never marked."""
    tag = token.strip()
    start = token.index(tag)
    return [(token[:start], False), (tag, differs), (token[start + len(tag) :], False)]


def find_changes(old: Sequence[Any], new: Sequence[Any], steps: int) -> list[Change]:
    """Return the ranges that differ; one range for all of them if finding more takes too many steps."""
    head, tail = shared_ends(old, new, least=0)
    end, new_end = len(old) - tail, len(new) - tail
    changes, at, new_at = [], head, head
    runs = find_common_runs(old[head:end], new[head:new_end], steps)
    for start, new_start, length in [*runs, (end - head, new_end - head, 0)]:
        if (at, new_at) != (start + head, new_start + head):
            changes.append((at, start + head, new_at, new_start + head))
        at, new_at = start + head + length, new_start + head + length
    return changes


def find_common_runs(old: Sequence[Any], new: Sequence[Any], steps: int) -> list[tuple[int, int, int]]:
    """Return runs of equal items as (start in old, start in new, length), of a shortest edit script (Myers, 1986).

    Return no run if that takes too many steps.
    """
    furthest: dict[int, tuple[int, Any]] = {1: (0, None)}  # by diagonal: place in old, and the runs that led there
    for edits in range(len(old) + len(new) + 1):
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (diagonal != edits and furthest[diagonal - 1][0] < furthest[diagonal + 1][0])
            at, runs = furthest[diagonal + 1] if down else furthest[diagonal - 1]
            start = at = at if down else at + 1
            while at < len(old) and at - diagonal < len(new) and old[at] == new[at - diagonal]:
                at += 1
            if at > start:
                runs = ((start, start - diagonal, at - start), runs)
            if at >= len(old) and diagonal == len(old) - len(new):
                return unlink_runs(runs)
            furthest[diagonal] = at, runs
            steps -= 1 + at - start
        if steps < 0:
            break
    return []


def unlink_runs(runs: Any) -> list[tuple[int, int, int]]:
    """Return a linked list of runs, the last one first, in order."""
    found = []
    while runs:
        run, runs = runs
        found.append(run)
    return found[::-1]


def join_changes(before: list[tuple[str, str]], after: list[tuple[str, str]], changes: list[Change]) -> list[Change]:
    """Join changes that only spaces part, and all of them if the texts have little in common.

    Scattered letters that happen to be the same would otherwise look as if they were meant to stay.
    """
    joined: list[Change] = []
    for change in changes:
        if joined and join_tokens(before[joined[-1][1] : change[0]]).isspace():
            change = (joined[-1][0], change[1], joined[-1][2], change[3])
            joined.pop()
        joined.append(change)
    if len(joined) < 2:
        return joined
    first, last = joined[0], joined[-1]
    lengths = [len(join_tokens(tokens)) for tokens in (before[first[0] : last[1]], after[first[2] : last[3]])]
    differing = [sum(len(join_tokens(tokens[change[side] : change[side + 1]])) for change in joined)
                 for side, tokens in ((0, before), (2, after))]  # fmt: skip
    if max(lengths) > 3 * (lengths[0] - differing[0]):
        return [(first[0], last[1], first[2], last[3])]
    return joined


def shared_ends(old: Sequence[Any], new: Sequence[Any], least: float = 0.5) -> tuple[int, int]:
    """Return how many items both have in common at the start and at the end; 0, 0 if it is too small a share.

    An accent stays with its letter.
    """
    most = min(len(old), len(new))
    head = next((place for place in range(most) if old[place] != new[place]), most)
    rest = most - head
    tail = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    while head and any("\u0300" <= side[head] <= "\u036f" for side in (old, new) if type(side) is str and side[head:]):
        head -= 1
    while tail and type(old) is str and "\u0300" <= old[-tail] <= "\u036f":
        tail -= 1
    return (head, tail) if head + tail >= least * max(len(old), len(new)) else (0, 0)


def join_tokens(tokens: Sequence[tuple[str, str]]) -> str:
    return "".join(token for _, token in tokens)


def join_runs(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without empty ones, neighbours of one kind joined."""
    joined: list[Run] = []
    for text, differs in runs:
        if text and joined and joined[-1][1] == differs:
            joined[-1] = (joined[-1][0] + text, differs)
        elif text:
            joined.append((text, differs))
    return joined
