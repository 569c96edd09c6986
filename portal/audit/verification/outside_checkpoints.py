"""Checkpoints that were kept elsewhere, and the key the caller brought along: what a verification is held against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from portal.audit.models import Checkpoint
from portal.audit.sealing import signed_note
from portal.audit.sealing.succession import Succession
from portal.audit.verification.report import VerificationReport


def stated_sizes(outside: Iterable[str]) -> Iterator[int]:
    """The sizes of which these notes state a root."""
    for note in outside:
        try:
            yield signed_note.parse_unverified(note).size
        except signed_note.InvalidNote:
            continue


def open_checkpoint(note: str, keys: Mapping[str, signed_note.Verifier]) -> signed_note.CheckpointBody:
    """The checkpoint of a note signed with one of these keys. Raises InvalidNote."""
    for key_id in signed_note.signature_key_ids(note):
        if key_id in keys:
            return keys[key_id].open(note)
    raise signed_note.InvalidNote("not signed with the key the log names for it")


def check_newest_signature(
    newest: Checkpoint, key: signed_note.Verifier | None, succession: Succession, report: VerificationReport
) -> None:
    """The newest checkpoint is signed with the key the caller brought along, or one that it handed over to."""
    if key is None:
        return
    try:
        open_checkpoint(newest.note, succession.trusted)
    except signed_note.InvalidNote:
        report.add(f"checkpoint of {newest.size}: not signed by key {key.key_id}, nor by one it handed over to")


def compare_checkpoints(
    outside: Iterable[str],
    roots: Mapping[int, bytes],
    key: signed_note.Verifier | None,
    succession: Succession,
    report: VerificationReport,
) -> None:
    """The log still is what it was when these were taken out of the house: `roots` are those it has today."""
    keys = {**({key.key_id: key} if key else {}), **succession.keys}
    farthest = 0
    for note in outside:
        try:
            said = open_checkpoint(note, keys)
        except signed_note.InvalidNote as error:
            report.add(f"outside checkpoint: {error}")
            continue
        due = succession.in_force(min(said.size, report.size))
        if due and due not in signed_note.signature_key_ids(note):
            report.add(f"outside checkpoint of {said.size}: its key had handed over by then")
        if said.size > report.size:
            farthest = max(farthest, said.size)
        elif roots[said.size] != said.root:
            report.add(f"outside checkpoint of {said.size}: the log has another root: two roots for one size")
    if farthest:  # once, however many reach beyond the end
        report.add(f"outside checkpoint of {farthest}: the log ends after {report.size} leaves, its tail was cut")
