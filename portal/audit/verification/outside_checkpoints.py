"""Comparison of the log with checkpoints stored elsewhere, and with the key that the caller provides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from portal.audit.models import Checkpoint
from portal.audit.sealing import signed_note
from portal.audit.sealing.succession import Succession
from portal.audit.verification.report import VerificationReport


def stated_sizes(outside: Iterable[str]) -> Iterator[int]:
    """Yield the size that each readable note states."""
    for note in outside:
        try:
            yield signed_note.parse_unverified(note).size
        except signed_note.InvalidNote:
            continue


def open_checkpoint(note: str, keys: Mapping[str, signed_note.Verifier]) -> signed_note.CheckpointBody:
    """Return the checkpoint of a note signed with one of these keys. Raises InvalidNote."""
    for key_id in signed_note.signature_key_ids(note):
        if key_id in keys:
            return keys[key_id].open(note)
    raise signed_note.InvalidNote("not signed with the key the log names for it")


def check_newest_signature(
    newest: Checkpoint, key: signed_note.Verifier | None, succession: Succession, report: VerificationReport
) -> None:
    """Report the newest checkpoint if neither the caller's key nor one it handed over to has signed it."""
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
    """Report each outside checkpoint that the log contradicts; `roots` are the log's roots today, by size."""
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
    if farthest:  # reported once, however many notes reach beyond the end
        report.add(f"outside checkpoint of {farthest}: the log ends after {report.size} leaves, its tail was cut")
