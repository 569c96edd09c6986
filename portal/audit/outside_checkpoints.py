"""Checkpoints that were kept elsewhere, and the key the caller brought along: what a verification is held against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from portal.audit import notes
from portal.audit.models import Checkpoint
from portal.audit.report import Report
from portal.audit.succession import Succession


def sizes(outside: Iterable[str]) -> Iterator[int]:
    """The sizes of which these notes state a root."""
    for note in outside:
        try:
            yield notes.peek(note).size
        except notes.BadNote:
            continue


def opened(note: str, keys: Mapping[str, notes.Verifier]) -> notes.Checkpoint:
    """The checkpoint of a note signed with one of these keys. Raises BadNote."""
    for key_id in notes.signed_by(note):
        if key_id in keys:
            return keys[key_id].open(note)
    raise notes.BadNote("not signed with the key the log names for it")


def trust(newest: Checkpoint, key: notes.Verifier | None, succession: Succession, report: Report) -> None:
    """The newest checkpoint is signed with the key the caller brought along, or one that it handed over to."""
    if key is None:
        return
    try:
        opened(newest.note, succession.trusted)
    except notes.BadNote:
        report.add(f"checkpoint of {newest.size}: not signed by key {key.key_id}, nor by one it handed over to")


def compare(
    outside: Iterable[str],
    roots: Mapping[int, bytes],
    key: notes.Verifier | None,
    succession: Succession,
    report: Report,
) -> None:
    """The log still is what it was when these were taken out of the house: `roots` are those it has today."""
    keys = {**({key.key_id: key} if key else {}), **succession.keys}
    farthest = 0
    for note in outside:
        try:
            said = opened(note, keys)
        except notes.BadNote as error:
            report.add(f"outside checkpoint: {error}")
            continue
        due = succession.in_force(min(said.size, report.size))
        if due and due not in notes.signed_by(note):
            report.add(f"outside checkpoint of {said.size}: its key had handed over by then")
        if said.size > report.size:
            farthest = max(farthest, said.size)
        elif roots[said.size] != said.root:
            report.add(f"outside checkpoint of {said.size}: the log has another root: two roots for one size")
    if farthest:  # once, however many reach beyond the end
        report.add(f"outside checkpoint of {farthest}: the log ends after {report.size} leaves, its tail was cut")
