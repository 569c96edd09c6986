"""What the vault holds now, and what that asks for: before a call, and where the last one is in doubt (B6, B8)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from portal.catalog import details
from portal.changes import approved, breaker, transitions
from portal.changes import patch as patches
from portal.changes.models import Revision
from portal.changes.patch import Finding, Judgement, Sight
from portal.vault import Client, ReadRefused, VaultError, WaitRequested

NOT_FOUND = 1005
_FORBIDDEN = 403


@dataclass(frozen=True)
class Reading:
    """What a read of the vault gave: details, or the error that stood in the way."""

    seen: details.Details | None = None
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
            breaker.undecided(now)
        else:
            breaker.failed(now, reason=self.message, code=self.code, alarm=self.error.alarm)

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


class Step(Enum):
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


SENDING = (Step.SEND, Step.REPEAT_UNREAD, Step.REPEAT_HIDDEN)


def read(client: Client, secret: int) -> Reading:
    """Read the vault for a comparison; the secret value in the answer is fingerprinted and dropped on the way."""
    try:
        return Reading(details.read(client, secret))
    except VaultError as error:
        return Reading(error=error)


def confirm_value(client: Client, revision: Revision, reading: Reading) -> Reading:
    """Read again where the value seen is neither that of the base nor the proposed one: it may be random."""
    base = revision.base_secret_fingerprint
    if reading.seen is None or not base:  # nothing is compared with what could not be seen then
        return reading
    try:
        return Reading(details.confirm_value(client, reading.seen, known=(base, revision.secret_fingerprint)))
    except VaultError as error:
        return Reading(error=error)


def step(revision: Revision, reading: Reading, *, doubtful: bool, restored: bool = False) -> Step:
    """What to do after a reading. `doubtful`: an earlier call of this change may have been, or still be, executed.

    `restored`: that call, and what others did to the secret since, is nowhere in this database.
    """
    if reading.denied and doubtful:  # no read-back: the same bytes again, behind the hold (B6)
        return Step.UNPROVED if restored else Step.REPEAT_UNREAD
    if reading.refused:
        if reading.refused.number == NOT_FOUND:
            return Step.MISSING
        return Step.SEND if revision.base is None else Step.UNSEEN
    if reading.seen is None:
        return Step.WAIT
    if not doubtful:
        base = approved.base_of(revision)
        return Step.MOVED if base and patches.moved(base, _sight(reading.seen)) else Step.SEND
    return _after_doubt(judge(revision, reading.seen).finding, restored=restored)


def _after_doubt(finding: Finding, *, restored: bool) -> Step:
    if finding is Finding.HIDDEN:
        return Step.UNPROVED if restored else Step.REPEAT_HIDDEN
    return {Finding.TARGET: Step.APPLIED, Finding.OTHER: Step.ESCALATE}.get(finding, Step.SEND)


def judge(revision: Revision, seen: details.Details) -> Judgement:
    """What the vault holds, beside what the revision proposed and what was there before."""
    target = Sight(revision.patch, revision.secret_fingerprint)
    return patches.judge(target, approved.base_of(revision), _sight(seen))


def moved(revision: Revision, seen: details.Details) -> list[str]:
    """The fields that are no longer as approvers saw them."""
    base = approved.base_of(revision)
    return patches.moved(base, _sight(seen)) if base else []


def _sight(seen: details.Details) -> Sight:
    return Sight(seen.fields, seen.secret_fingerprint)
