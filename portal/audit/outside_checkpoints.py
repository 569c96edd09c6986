"""Checkpoints that were kept elsewhere, and the key the caller brought along: what a verification is held against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from portal.audit import notes
from portal.audit.models import Checkpoint
from portal.audit.report import VerificationReport
from portal.audit.succession import Succession


def stated_sizes(outside: Iterable[str]) -> Iterator[int]:
    """The sizes of which these notes state a root."""
    for note in outside:
        try:
            yield notes.parse_unverified(note).size
        except notes.InvalidNote:
            continue


def open_checkpoint(note: str, keys: Mapping[str, notes.Verifier]) -> notes.CheckpointBody:
    """The checkpoint of a note signed with one of these keys. Raises InvalidNote."""
    for key_id in notes.signature_key_ids(note):
        if key_id in keys:
            return keys[key_id].open(note)
    raise notes.InvalidNote("not signed with the key the log names for it")


def check_newest_signature(
    newest: Checkpoint, key: notes.Verifier | None, succession: Succession, report: VerificationReport
) -> None:
    """The newest checkpoint is signed with the key the caller brought along, or one that it handed over to."""
    if key is None:
        return
    try:
        open_checkpoint(newest.note, succession.trusted)
    except notes.InvalidNote:
        report.add(f"checkpoint of {newest.size}: not signed by key {key.key_id}, nor by one it handed over to")


def compare_checkpoints(
    outside: Iterable[str],
    roots: Mapping[int, bytes],
    key: notes.Verifier | None,
    succession: Succession,
    report: VerificationReport,
) -> None:
    """The log still is what it was when these were taken out of the house: `roots` are those it has today."""
    keys = {**({key.key_id: key} if key else {}), **succession.keys}
    farthest = 0
    for note in outside:
        try:
            said = open_checkpoint(note, keys)
        except notes.InvalidNote as error:
            report.add(f"outside checkpoint: {error}")
            continue
        due = succession.in_force(min(said.size, report.size))
        if due and due not in notes.signature_key_ids(note):
            report.add(f"outside checkpoint of {said.size}: its key had handed over by then")
        if said.size > report.size:
            farthest = max(farthest, said.size)
        elif roots[said.size] != said.root:
            report.add(f"outside checkpoint of {said.size}: the log has another root: two roots for one size")
    if farthest:  # once, however many reach beyond the end
        report.add(f"outside checkpoint of {farthest}: the log ends after {report.size} leaves, its tail was cut")
