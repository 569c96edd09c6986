"""Spool: results of calls on disk while the database cannot store them (B12).

One file of one line for each attempt, in a folder that only its owner can read. A file holds what the audit log would
hold: never a request body, never a secret. Every worker drains all files it finds and each result counts once, so the
workers of one host may share the folder; workers on several hosts each have their own, on a local disk.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

from django.conf import settings

from portal.vault import NotApplied, NotSent, Outcome

_log = logging.getLogger(__name__)
_KINDS: dict[str, Any] = {kind.code: kind for kind in get_args(Outcome)}

_EXCHANGES = ("vault.responded", "vault.unanswered")
_LONGEST = 256 * 1024
"""Characters that a file may have; the portal writes a few hundred."""
_LONGEST_WAIT_S = 86_400.0
_LARGEST_INTEGER = 2**31 - 1
"""Upper limit of PostgreSQL's integer columns."""


@dataclass(frozen=True)
class SpooledResult:
    """Result of a call as the audit log records it. `exchange`: action, code and data of its event, if missing."""

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
    def now(
        cls, attempt: object, fence: int, outcome: Outcome, message: str, exchange: dict[str, Any] | None
    ) -> SpooledResult:
        """Return what is known of the attempt now, with the time of this host."""
        wait = outcome.retry_after_s if isinstance(outcome, NotApplied | NotSent) else None
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return cls(str(attempt), fence, outcome.code, outcome.status, outcome.number, message, wait, at, exchange)

    def as_outcome(self) -> Outcome:
        """Return the outcome with the values that record_result() uses."""
        more = {"retry_after_s": self.retry_after_s} if self.outcome in (NotApplied.code, NotSent.code) else {}
        outcome: Outcome = _KINDS[self.outcome](status=self.code, number=self.number, message=self.message, **more)
        return outcome


def spool_folder() -> Path:
    """Return the folder of the spool, which is created if it is missing. Raises OSError."""
    place: Path = settings.DELIVERY_SPOOL_DIR
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.chmod(0o700)
    return place


def write_result(kept: SpooledResult) -> None:
    """Write the result to disk; on return it is complete, synced and under its final name. Raises OSError."""
    place = spool_folder()
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
        os.fsync(directory)  # otherwise a power failure may lose the file name
    finally:
        os.close(directory)


def iter_results() -> Iterator[SpooledResult]:
    """Yield the spooled results; a file that the portal did not write is logged by name and quarantined."""
    try:
        paths = sorted(settings.DELIVERY_SPOOL_DIR.glob("*.json"))
    except OSError as error:
        _log.error("the spool cannot be listed: %s", error.strerror)
        return
    for path in paths:
        try:
            kept = _parse(path)
        except FileNotFoundError:
            continue  # another worker has drained it
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            quarantine_result(path.stem)
            continue
        yield kept


def _parse(path: Path) -> SpooledResult:
    """Parse one file. Raises one of the exceptions that iter_results() catches if the portal did not write it."""
    if path.is_symlink() or not path.is_file():
        raise ValueError("not a file")
    with path.open(encoding="utf-8") as file:
        text = file.read(_LONGEST + 1)
    if len(text) > _LONGEST:
        raise ValueError("too long")
    kept = SpooledResult(**json.loads(text))
    if not isinstance(kept.attempt, str) or str(UUID(kept.attempt)) != path.stem:
        raise ValueError("another name than its attempt")
    _require_int(kept.fence, most=_LARGEST_INTEGER)
    for number in (kept.code, kept.number):
        if number is not None:
            _require_int(number, most=_LARGEST_INTEGER)
    if not isinstance(kept.message, str) or "\0" in kept.message:
        raise ValueError("a message that is no text")
    wait = kept.retry_after_s
    if wait is not None and not (type(wait) in (int, float) and 0 <= wait <= _LONGEST_WAIT_S):
        raise ValueError("no wait")
    if datetime.fromisoformat(kept.answered_at).tzinfo is None:
        raise ValueError("an instant without a time zone")
    if kept.exchange is not None:
        _require_exchange(kept.exchange)
    kept.as_outcome()
    return kept


def _require_int(value: object, *, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("no number")


def _require_exchange(exchange: object) -> None:
    if not isinstance(exchange, dict) or exchange.keys() != {"action", "code", "data"}:
        raise ValueError("no exchange")
    if exchange["action"] not in _EXCHANGES or not isinstance(exchange["data"], dict):
        raise ValueError("no exchange")
    if exchange["code"] is not None:
        _require_int(exchange["code"], most=_LARGEST_INTEGER)
    if not {"attempt", "method", "started_at"} <= exchange["data"].keys() or "\\u0000" in json.dumps(exchange["data"]):
        raise ValueError("no exchange")


def delete_result(attempt: str) -> None:
    """Delete the file of a result that is in the database."""
    _path(attempt).unlink(missing_ok=True)


def quarantine_result(attempt: str) -> None:
    """Set aside the file of a result that cannot be recorded: no worker reads it again, an administrator may."""
    aside = _path(attempt).with_suffix(".unknown")
    try:
        _path(attempt).replace(aside)
    except FileNotFoundError:
        return  # another worker has drained it
    except OSError as error:
        _log.error("what is in %s is no answer of this database and cannot be set aside: %s", aside, error.strerror)
        return
    _log.error("the answer in %s is of no attempt in this database: set aside", aside)


def _path(attempt: str) -> Path:
    place: Path = settings.DELIVERY_SPOOL_DIR
    return place / f"{attempt}.json"
