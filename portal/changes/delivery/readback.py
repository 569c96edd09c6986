"""What the vault holds now, and what that asks for: before a call, and where the last one is in doubt (B6, B8)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from portal.catalog import details
from portal.changes import transitions
from portal.changes.delivery import circuit_breaker, verified_patch
from portal.changes.domain import patch as patches
from portal.changes.domain.patch import Judgement, Snapshot, SnapshotMatch
from portal.changes.models import Revision
from portal.vault import Client, ReadRefused, VaultError, WaitRequested

NOT_FOUND = 1005
_FORBIDDEN = 403


@dataclass(frozen=True)
class Readback:
    """What a read of the vault gave: details, or the error that stood in the way."""

    seen: details.SecretDetails | None = None
    error: VaultError | None = None

    @property
    def code(self) -> int | None:
        """The HTTP status of a read that failed, where there was one."""
        return self.error.status if self.error else None

    @property
    def message(self) -> str:
        """Why it failed, '' where it did not."""
        return str(self.error or "")

    @property
    def wait_s(self) -> float:
        """The seconds that Segura asked to wait, 0.0 if it did not."""
        return (self.error.retry_after_s or 0.0) if self.error else 0.0

    def tell_breaker(self) -> None:
        """Tell the circuit breaker of a connection that failed; what Segura answers about one secret is none."""
        if isinstance(self.error, WaitRequested):  # no call was made
            return
        now = transitions.db_now()
        if self.error is None or self.error.about_item:
            circuit_breaker.allow_next_probe(now)
        else:
            circuit_breaker.record_failure(now, reason=self.message, code=self.code, alarm=self.error.alarm)

    @property
    def is_own_trouble(self) -> bool:
        """Whether a reading without a result says nothing about the connection: only the change's own pauses grow."""
        return self.error is None or self.error.about_item

    @property
    def refused(self) -> ReadRefused | None:
        """Segura's own no, which waiting does not change."""
        return self.error if isinstance(self.error, ReadRefused) else None

    @property
    def denied(self) -> bool:
        """No read-back is to be had: Segura's own no, or the gateway's."""
        return self.refused is not None or self.code == _FORBIDDEN


class ReadbackAction(Enum):
    """What a reading asks for."""

    SEND = "send"  # as approved; in doubt: the proposed values are seen not to be there
    REPEAT_UNREAD = "repeat unread"  # in doubt, and the secret cannot be read
    REPEAT_HIDDEN = "repeat hidden"  # in doubt, and the client secret cannot be seen
    APPLIED = "applied"
    WAIT = "wait"
    MISSING = "missing"
    MOVED = "moved"
    UNSEEN = "unseen"
    UNPROVED = "unproved"
    ESCALATE = "escalate"


SENDING = (ReadbackAction.SEND, ReadbackAction.REPEAT_UNREAD, ReadbackAction.REPEAT_HIDDEN)


def read_back(client: Client, secret: int) -> Readback:
    """Read the vault for a comparison; the secret value in the answer is fingerprinted and dropped on the way."""
    try:
        return Readback(details.fetch_details(client, secret))
    except VaultError as error:
        return Readback(error=error)


def confirm_value(client: Client, revision: Revision, reading: Readback) -> Readback:
    """Read again where the value seen is neither that of the base nor the proposed one: it may be random."""
    base = revision.base_secret_fingerprint
    if reading.seen is None or not base:  # nothing is compared with what could not be seen then
        return reading
    try:
        return Readback(details.confirm_value(client, reading.seen, known=(base, revision.secret_fingerprint)))
    except VaultError as error:
        return Readback(error=error)


def decide_action(revision: Revision, reading: Readback, *, doubtful: bool, restored: bool = False) -> ReadbackAction:
    """What to do after a reading. `doubtful`: an earlier call of this change may have been, or still be, executed.

    `restored`: that call, and what others did to the secret since, is nowhere in this database.
    """
    if reading.denied and doubtful:  # no read-back: the same bytes again, behind the hold (B6)
        return ReadbackAction.UNPROVED if restored else ReadbackAction.REPEAT_UNREAD
    if reading.refused:
        if reading.refused.number == NOT_FOUND:
            return ReadbackAction.MISSING
        return ReadbackAction.SEND if revision.base is None else ReadbackAction.UNSEEN
    if reading.seen is None:
        return ReadbackAction.WAIT
    if not doubtful:
        base = verified_patch.base_snapshot(revision)
        if base and patches.find_base_changes(base, _sight(reading.seen)):
            return ReadbackAction.MOVED
        return ReadbackAction.SEND
    return _after_doubt(compare_reading(revision, reading.seen).finding, restored=restored)


def _after_doubt(finding: SnapshotMatch, *, restored: bool) -> ReadbackAction:
    if finding is SnapshotMatch.HIDDEN:
        return ReadbackAction.UNPROVED if restored else ReadbackAction.REPEAT_HIDDEN
    return {SnapshotMatch.TARGET: ReadbackAction.APPLIED, SnapshotMatch.OTHER: ReadbackAction.ESCALATE}.get(
        finding, ReadbackAction.SEND
    )


def compare_reading(revision: Revision, seen: details.SecretDetails) -> Judgement:
    """What the vault holds, beside what the revision proposed and what was there before."""
    target = Snapshot(revision.patch, revision.secret_fingerprint)
    return patches.compare_snapshots(target, verified_patch.base_snapshot(revision), _sight(seen))


def find_moved_fields(revision: Revision, seen: details.SecretDetails) -> list[str]:
    """The fields that are no longer as approvers saw them."""
    base = verified_patch.base_snapshot(revision)
    return patches.find_base_changes(base, _sight(seen)) if base else []


def _sight(seen: details.SecretDetails) -> Snapshot:
    return Snapshot(seen.fields, seen.secret_fingerprint)
