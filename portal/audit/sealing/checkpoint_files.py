"""Checkpoint files in AUDIT_CHECKPOINT_DIR, stored outside the host, so that a truncated log is detected."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from portal.audit.models import Checkpoint
from portal.audit.sealing import signed_note
from portal.common.failpoints import failpoint

_log = logging.getLogger(__name__)
_LATEST = "latest.txt"


class LogTruncated(Exception):
    """A published checkpoint that the database lacks: the tail was cut, or an older backup restored. Blocks signing."""


def read_latest_note() -> str:
    """Return the newest note in the folder; '' if there is no folder or no such file. Raises OSError."""
    folder = settings.AUDIT_CHECKPOINT_DIR
    path = Path(folder) / _LATEST
    return path.read_text(encoding="utf-8", errors="replace") if folder and path.exists() else ""


def read_all_notes() -> list[str]:
    """Return every note in the folder, each once; [] if there is no folder. Raises OSError."""
    folder = Path(settings.AUDIT_CHECKPOINT_DIR)
    if not settings.AUDIT_CHECKPOINT_DIR or not folder.exists():
        return []
    files = sorted(path for path in folder.iterdir() if path.suffix == ".txt")
    return list(dict.fromkeys(path.read_text(encoding="utf-8", errors="replace") for path in files))


def require_untruncated_log(keys: Collection[signed_note.Verifier]) -> None:
    """Raise LogTruncated if the database lacks the published checkpoint: a second one of its size must never be signed.

    A note that none of `keys` has signed was put there outside the portal: it blocks nothing, and every verification
    names it. An administrator who restores a backup on purpose moves all files away (as in the runbook), and stores
    them for the auditors.
    """
    note = read_latest_note()
    if not note:
        return
    said = _signed(note, keys)
    if said is None:
        _log.error("%s in the checkpoint folder is not signed with a key of this log, and is overwritten", _LATEST)
        return
    known = Checkpoint.objects.filter(size=said.size).first()
    if known is None or bytes(known.root) != said.root:
        raise LogTruncated(
            f"{_LATEST} has a checkpoint of {said.size} events that the database does not have: the end of the log was"
            f" cut, or an older backup restored. To go on from here on purpose, move {_LATEST} away and keep it."
        )


def _signed(note: str, keys: Collection[signed_note.Verifier]) -> signed_note.CheckpointBody | None:
    """Return the checkpoint of a note that one of the keys has signed; None if none has."""
    for key in keys:
        with suppress(signed_note.InvalidNote):
            return key.open(note)
    return None


def write_checkpoint_file() -> None:
    """Write the newest checkpoint to `latest.txt` and to the file of its hour; log a warning if that fails."""
    newest = Checkpoint.objects.first()
    if not settings.AUDIT_CHECKPOINT_DIR or newest is None:
        return
    try:
        if read_latest_note() == newest.note:
            return
        folder = Path(settings.AUDIT_CHECKPOINT_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        for name in (f"{newest.at:%Y-%m-%dT%H}.txt", _LATEST):
            _replace(folder / name, newest.note)
            failpoint("published")
    except OSError as error:
        _log.warning("the checkpoint folder cannot be written: %s", error.strerror)


def _replace(path: Path, note: str) -> None:
    """Replace a file atomically, once the new content is on the disk."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
