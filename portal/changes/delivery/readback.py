"""Read-back of a secret, and the action that follows: before a call, and if the last one is in doubt (B6, B8)."""

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
    """Result of a read-back: the details of the secret, or the error that prevented it."""

    seen: details.SecretDetails | None = None
    error: VaultError | None = None

    @property
    def code(self) -> int | None:
        """HTTP status of a failed read, None without one."""
        return self.error.status if self.error else None

    @property
    def message(self) -> str:
        """Reason of a failed read, '' after a successful one."""
        return str(self.error or "")

    @property
    def wait_s(self) -> float:
        """Seconds that Segura asked to wait, 0.0 if it did not."""
        return (self.error.retry_after_s or 0.0) if self.error else 0.0

    def tell_breaker(self) -> None:
        """Report a failed connection to the circuit breaker; Segura's own answer about one secret is not a failure."""
        if isinstance(self.error, WaitRequested):  # no call was made
            return
        now = transitions.db_now()
        if self.error is None or self.error.about_item:
            circuit_breaker.allow_next_probe(now)
        else:
            circuit_breaker.record_failure(now, reason=self.message, code=self.code, alarm=self.error.alarm)

    @property
    def is_own_trouble(self) -> bool:
        """True if the read says nothing about the connection, so that only this change waits longer."""
        return self.error is None or self.error.about_item

    @property
    def refused(self) -> ReadRefused | None:
        """Segura's own refusal of the read, which waiting does not change; None without one."""
        return self.error if isinstance(self.error, ReadRefused) else None

    @property
    def denied(self) -> bool:
        """True if Segura or the gateway denies the read, so that no read-back is possible."""
        return self.refused is not None or self.code == _FORBIDDEN


class ReadbackAction(Enum):
    """Action that follows a read-back."""

    SEND = "send"  # as approved; if in doubt: Segura shows that proposed values are missing
    REPEAT_UNREAD = "repeat unread"  # in doubt, and Segura denies reading the secret
    REPEAT_HIDDEN = "repeat hidden"  # in doubt, and Segura does not show the client secret
    APPLIED = "applied"
    WAIT = "wait"
    MISSING = "missing"
    MOVED = "moved"
    UNSEEN = "unseen"
    UNPROVED = "unproved"
    ESCALATE = "escalate"


SENDING = (ReadbackAction.SEND, ReadbackAction.REPEAT_UNREAD, ReadbackAction.REPEAT_HIDDEN)


def read_back(client: Client, secret: int) -> Readback:
    """Read the secret from Segura for a comparison; of the client secret only a fingerprint is kept."""
    try:
        return Readback(details.fetch_details(client, secret))
    except VaultError as error:
        return Readback(error=error)


def confirm_value(client: Client, revision: Revision, reading: Readback) -> Readback:
    """Read again if the value is neither that of the base nor the proposed one.

    Segura may show a random text instead of the value; a value that differs in the second read counts as not shown.
    """
    base = revision.base_secret_fingerprint
    if reading.seen is None or not base:  # without a value in the base there is nothing to compare
        return reading
    try:
        return Readback(details.confirm_value(client, reading.seen, known=(base, revision.secret_fingerprint)))
    except VaultError as error:
        return Readback(error=error)


def decide_action(revision: Revision, reading: Readback, *, doubtful: bool, restored: bool = False) -> ReadbackAction:
    """Return the action that follows a read-back.

    `doubtful`: an earlier call of the change may have been executed, or may still be.
    `restored`: the database comes from a backup and knows neither that call nor later edits of the secret.
    """
    if reading.denied and doubtful:  # no read-back possible: send the same body again, lane blocked (B6)
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
    """Compare what Segura holds with what the revision proposes and with its base."""
    target = Snapshot(revision.patch, revision.secret_fingerprint)
    return patches.compare_snapshots(target, verified_patch.base_snapshot(revision), _sight(seen))


def find_moved_fields(revision: Revision, seen: details.SecretDetails) -> list[str]:
    """Return the fields that differ from the base that approvers saw."""
    base = verified_patch.base_snapshot(revision)
    return patches.find_base_changes(base, _sight(seen)) if base else []


def _sight(seen: details.SecretDetails) -> Snapshot:
    return Snapshot(seen.fields, seen.secret_fingerprint)
