"""Answers that the database could not take when they came, on disk until it can (B12).

One file of one line for each attempt, in a folder of its owner's alone. Never a body, never a secret: what is kept is
what the log would have been told. Every worker takes in what it finds, and each answer counts once, so workers of one
machine may share the folder; workers of several machines each have their own, on a local disk.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from django.conf import settings

from portal.vault import NotApplied, NotSent, Outcome

_log = logging.getLogger(__name__)
_KINDS: dict[str, Any] = {kind.code: kind for kind in get_args(Outcome)}


@dataclass(frozen=True)
class Kept:
    """An outcome as the log is told of it. `exchange`: action, code and facts of an event that is missing too."""

    attempt: str
    fence: int
    outcome: str
    code: int | None
    number: int | None
    message: str
    retry_after_s: float | None
    answered_at: str
    exchange: dict[str, Any] | None

    @classmethod
    def now(cls, attempt: object, fence: int, outcome: Outcome, message: str, exchange: dict[str, Any] | None) -> Kept:
        """What is known of this attempt at this moment, by this machine's clock."""
        wait = outcome.retry_after_s if isinstance(outcome, NotApplied | NotSent) else None
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return cls(str(attempt), fence, outcome.code, outcome.status, outcome.number, message, wait, at, exchange)

    def as_outcome(self) -> Outcome:
        """The outcome, as far as its settlement asks."""
        more = {"retry_after_s": self.retry_after_s} if self.outcome in (NotApplied.code, NotSent.code) else {}
        outcome: Outcome = _KINDS[self.outcome](status=self.code, number=self.number, message=self.message, **more)
        return outcome


def folder() -> Path:
    """Where answers wait, made where it is missing. Raises OSError."""
    place: Path = settings.DELIVERY_SPOOL_DIR
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.chmod(0o700)
    return place


def keep(kept: Kept) -> None:
    """On return it is on disk, whole and under its name. Raises OSError."""
    place = folder()
    path = _path(kept.attempt)
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(asdict(kept)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    directory = os.open(place, os.O_RDONLY)
    try:
        os.fsync(directory)  # else a power cut may take the name
    finally:
        os.close(directory)


def waiting() -> Iterator[Kept]:
    """What is kept. A file that is none of ours is named in the log of the process and set aside."""
    for path in sorted(settings.DELIVERY_SPOOL_DIR.glob("*.json")):
        try:
            kept = Kept(**json.loads(path.read_text(encoding="utf-8")))
            kept.as_outcome()
        except FileNotFoundError:
            continue  # another worker was faster
        except (ValueError, TypeError, KeyError):
            set_aside(path.stem)
            continue
        yield kept


def done(attempt: str) -> None:
    """It is in the database: forget it."""
    _path(attempt).unlink(missing_ok=True)


def set_aside(attempt: str) -> None:
    """Nobody knows what it belongs to: kept for a person, and not looked at again."""
    aside = _path(attempt).with_suffix(".unknown")
    with suppress(FileNotFoundError):  # another worker was faster
        _path(attempt).replace(aside)
        _log.error("the answer in %s is of no attempt in this database: set aside", aside)


def _path(attempt: str) -> Path:
    place: Path = settings.DELIVERY_SPOOL_DIR
    return place / f"{attempt}.json"
