"""Marks in the difference of two values: what differs, and why two values that look equal do not."""

from __future__ import annotations

import random
import time

import pytest

from portal.changes.domain.difference import Piece, TextDifference, compare_values

LIMIT_S = 0.05


def shown(pieces: list[Piece]) -> str:
    return "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in pieces)


def sides(found: TextDifference) -> tuple[str, str]:
    """Both values, each mark in brackets."""
    return (
        "\n".join(shown(block.old) for block in found.blocks if block.old),
        "\n".join(shown(block.new) for block in found.blocks if block.new),
    )


def test_only_the_changed_letters_of_a_name_are_marked_d1() -> None:
    assert sides(compare_values("client_id", "relay", "relay2")) == ("relay", "relay[2]")


def test_labels_and_segments_of_a_url_are_marked_apart_d2() -> None:
    found = compare_values("url", "api.bank.example.com/v2", "api2.bank.example.com/v3")
    assert sides(found) == ("[api].bank.example.com/[v2]", "[api2].bank.example.com/[v3]")


def test_name_in_another_composition_is_explained_and_spelled_out_d4() -> None:
    found = compare_values("name", "caf\u00e9-pay", "cafe\u0301-pay")
    assert sides(found) == ("caf[\u00e9]-pay", "caf[e⟨U+0301⟩]-pay")
    assert found.remark == "Looks equal: same letters, composed differently."


@pytest.mark.parametrize(
    ("field", "old", "new", "left", "right"),
    [
        ("name", "prod-2024-key", "prod-2025-key", "prod-202[4]-key", "prod-202[5]-key"),
        ("name", "azure-graph", "gcp-vertex", "[azure-graph]", "[gcp-vertex]"),
        ("name", "relay", " relay ", "relay", "[␣]relay[␣]"),
        ("name", "a b", "a  b", "a b", "a [␣]b"),
        ("url", "https://a.example:8080/x?q=1", "http://a.example:8443/x?q=2",
         "[https]://a.example:[8080]/x?q=[1]", "[http]://a.example:[8443]/x?q=[2]"),
        ("url", "https://a.example/a", "https://a.example/a/a", "https://a.example/a", "https://a.example/a[/a]"),
        ("url", "https://a.example/v1", "https://a.example/v1 ", "https://a.example/v1", "https://a.example/v1[␣]"),
        ("url", "https://me@a.example", "https://you@a.example", "https://[me]@a.example", "https://[you]@a.example"),
        ("url", "https://a.example/0123456789abcdef7", "https://a.example/0123456789abcdee7",
         "https://a.example/0123456789abcde[f]7", "https://a.example/0123456789abcde[e]7"),
        ("tags", "blue, legacy, prod", "blue,prod,critical", "blue, [legacy], prod", "blue,prod,[critical]"),
        ("notes", "Call Ana first", "Call Bia first", "Call [Ana] first", "Call [Bia] first"),
        ("notes", "one\ntwo", "one\ntwo\nthree", "one\ntwo", "one\ntwo\n[three]"),
        ("notes", "old words here", "all of it is new", "[old words here]", "[all of it is new]"),
        ("client_id", "\u0430lice", "alice", "[⟨U+0430⟩]lice", "[a]lice"),
        ("client_id", "pay\u202eee", "payee", "pay[⟨U+202E⟩]ee", "payee"),
        ("client_id", "", "x", "", "[x]"),
    ],
)  # fmt: skip
def test_tokens_of_each_field_are_marked(field: str, old: str, new: str, left: str, right: str) -> None:
    assert sides(compare_values(field, old, new)) == (left, right)


@pytest.mark.parametrize(
    ("field", "old", "new", "remark"),
    [
        ("tags", "blue,red", "red, blue", "Same tags in another order."),
        ("tags", "blue,red", "blue, red", "Same tags, other spaces or commas."),
        ("notes", "a\r\nb", "a\nb", "Looks equal: only line ends differ."),
        ("notes", "a", "a\n", "Looks equal: only spaces or line ends at the start or the end differ."),
        ("name", "a\u200bb", "ab", "Looks equal: only spaces or invisible characters differ."),
        ("name", "\u0441\u043e\u0440", "cop", "Looks equal: different characters of the same shape."),
    ],
)
def test_values_that_look_equal_say_why_they_are_not(field: str, old: str, new: str, remark: str) -> None:
    found = compare_values(field, old, new)
    assert found.remark == remark
    left, right = sides(found)
    assert left != right


def test_added_and_removed_tags_are_named() -> None:
    found = compare_values("tags", "blue, legacy", "blue, critical")
    assert (found.added, found.removed, found.remark) == (["critical"], ["legacy"], "")


def test_unchanged_lines_fold_beyond_three_next_to_a_change() -> None:
    lines = [str(number) for number in range(20)]
    found = compare_values("notes", "\n".join(lines), "\n".join([*lines[:10], "x", *lines[11:]]))
    assert [(block.folded, block.number) for block in found.blocks if block.kept] == [
        (True, 7),
        (False, 3),
        (False, 3),
        (True, 6),
    ]


def texts(kind: str) -> tuple[str, str]:
    draw = random.Random(kind)

    def words(end: str) -> str:
        return "".join(draw.choice(("alpha", "beta", "x", "ação")) + draw.choice((" ", end)) for _ in range(6000))

    match kind:
        case "other words":
            return words(" ")[:20_000], words(" ")[:20_000]
        case "other lines":
            return words("\n")[:20_000], words("\n")[:20_000]
        case "letters":
            return ("".join(draw.choice("ab\n") for _ in range(20_000)) for _ in range(2))  # type: ignore[return-value]
        case "blank lines":
            return "\n" * 20_000, "\n" * 19_000 + "x"
    text = words("\n")[:19_000]
    return text, "".join(f"{line}!\n" if place % 7 == 0 else f"{line}\n" for place, line in enumerate(text.split("\n")))


@pytest.mark.parametrize("kind", ["other words", "other lines", "letters", "blank lines", "every seventh line"])
def test_long_notes_are_compared_within_their_time(kind: str) -> None:
    old, new = texts(kind)
    took = []
    for _ in range(5):
        before = time.thread_time()
        compare_values("notes", old, new)
        took.append(time.thread_time() - before)
    assert min(took) < LIMIT_S
