"""The machine's step: claim -> read and compare -> intent -> call -> settle. No transaction is open on the network.

What the vault is known to hold decides; what is not known has its own state. Sources: B2-B8.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from enum import Enum

from django.conf import settings
from django.db import DatabaseError, transaction

from portal import keyring
from portal.audit import ledger
from portal.catalog import connection, details
from portal.changes import approved, breaker, conclusions, transitions
from portal.changes import patch as patches
from portal.changes.models import Attempt, Cause, Change, Revision, Status
from portal.changes.patch import Finding, Sight
from portal.crashpoints import crashpoint
from portal.vault import (
    Applied,
    AppliedCheck,
    Client,
    InDoubt,
    NotApplied,
    NotSent,
    Outcome,
    ReadRefused,
    Refused,
    VaultError,
)

_log = logging.getLogger(__name__)
_NOT_FOUND = 1005
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

    def tell_breaker(self) -> None:
        """A secret that was read, or that Segura refused to show, says nothing about calls; no answer does."""
        now = transitions.db_now()
        if self.error is None or self.refused:
            breaker.undecided(now)
        else:
            breaker.failed(now, reason=self.message, code=self.code, alarm=self.error.alarm)

    @property
    def refused(self) -> ReadRefused | None:
        """Segura's own no, which waiting does not change."""
        return self.error if isinstance(self.error, ReadRefused) else None

    @property
    def denied(self) -> bool:
        """No read-back is to be had: Segura's own no, or the gateway's."""
        return self.refused is not None or self.code == _FORBIDDEN


class Step(Enum):
    """What a reading before the call asks for."""

    SEND = "send"
    APPLIED = "applied"
    WAIT = "wait"
    FAIL = "fail"
    STALE = "stale"
    UNSEEN = "unseen"
    ESCALATE = "escalate"


def deliver(change_id: int) -> None:
    """Carry out one approved change as far as it goes now. Whoever loses the claim stops.

    Ends in APPLIED, FAILED, STALE, IN_DOUBT, NEEDS_HUMAN, or APPROVED with `not_before` where nothing was
    executed. A defect before the intent ends in NEEDS_HUMAN; after it the lease decides, as for a killed worker.
    """
    if (change := transitions.claim(change_id)) is None:
        return
    started = time.monotonic()
    try:
        client = connection.connect(change=change.pk, secret=change.secret)
        revision = change.current()
        if not _cleared(change, revision, read(client, change.secret)):
            return
        edit = approved.edit(change, revision)
    except connection.NotConfigured as error:
        with transaction.atomic(durable=True):
            conclusions.postponed(change, Cause.NOT_CONFIGURED, message=str(error))
        return
    except (approved.Tampered, keyring.CannotOpen):
        _escalate(change, Cause.TAMPERED)
        return
    except transitions.WrongState:
        _note("delivery.lost", change, data={"fence": change.fence})
        return
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - a poisoned change must stop neither the worker nor, unseen, its lane
        _log.error("change %d could not be prepared: %s", change.pk, type(error).__name__)
        _escalate(change, Cause.BROKEN)
        return
    crashpoint("prepared")
    attempt = _intend(change, revision, started)
    if attempt is None:
        return
    crashpoint("intended")
    outcome = client.update(
        change.secret,
        edit,
        attempt_id=str(attempt.pk),
        correlation_id=change.number,
        send_before=started + settings.DELIVERY_LEASE_S / 2,
    )
    crashpoint("answered")
    settle(change, attempt, outcome)


def read(client: Client, secret: int) -> Reading:
    """Read the vault for a comparison; the secret value in the answer is fingerprinted and dropped on the way."""
    try:
        return Reading(details.read(client, secret))
    except VaultError as error:
        return Reading(error=error)


def step(revision: Revision, reading: Reading, *, doubtful: bool) -> Step:
    """What to do after a reading. `doubtful`: an earlier call of this change may have been, or still be, executed."""
    if reading.denied and doubtful:
        return Step.SEND  # no read-back: the same bytes again, behind the hold (B6)
    if reading.refused:
        if reading.refused.number == _NOT_FOUND:
            return Step.FAIL
        return Step.SEND if revision.base is None else Step.UNSEEN
    if reading.seen is None:
        return Step.WAIT
    base = approved.base_of(revision)
    now = Sight(reading.seen.fields, reading.seen.secret_fingerprint)
    if not doubtful:
        return Step.STALE if base and patches.moved(base, now) else Step.SEND
    finding = patches.judge(Sight(revision.patch, revision.secret_fingerprint), base, now)
    return {Finding.TARGET: Step.APPLIED, Finding.OTHER: Step.ESCALATE}.get(finding, Step.SEND)


def settle(change: Change, attempt: Attempt, outcome: Outcome) -> None:
    """Write down what the call came to, and move the change if this worker still holds it."""
    with transaction.atomic(durable=True):
        transitions.lock(change.pk)  # the row before the log, as everywhere: two orders would be a deadlock
        name = type(outcome).__name__
        attempt.finished_at, attempt.outcome = transitions.db_now(), name
        attempt.code, attempt.number, attempt.message = outcome.status, outcome.number, told(outcome)
        attempt.save(update_fields=["finished_at", "outcome", "code", "number", "message"])
        facts = {
            "outcome": name,
            "attempt": str(attempt.pk),
            "fence": attempt.fence,
            "number": outcome.number,
            "message": told(outcome),
        }
        _note("delivery.answered", change, code=outcome.status, data=facts)
        try:
            with transaction.atomic():
                _conclude(change, outcome)
        except transitions.WrongState:
            _note("delivery.lost", change, code=outcome.status, data=facts)
        if isinstance(outcome, Applied | AppliedCheck | Refused):
            breaker.succeeded()
        else:
            breaker.failed(transitions.db_now(), reason=outcome.reason, code=outcome.status, alarm=outcome.alarm)


def told(outcome: Outcome) -> str:
    """What the other side said, else what we found; with what was not taken over, where Segura says so."""
    said = outcome.message or outcome.reason
    if isinstance(outcome, AppliedCheck):
        untaken = ", ".join((*outcome.differences, *outcome.shared_error))
        return f"{said} ({untaken})"
    return said


def _cleared(change: Change, revision: Revision, reading: Reading) -> bool:
    """Whether the call may go out; if not, the change is moved to where it belongs."""
    code, message = reading.code, reading.message
    with transaction.atomic(durable=True):
        match step(revision, reading, doubtful=change.doubtful_since is not None):
            case Step.SEND:
                return True
            case Step.APPLIED:
                conclusions.applied(change, Cause.READ_BACK)
            case Step.WAIT:
                conclusions.postponed(change, Cause.UNREADABLE, code=code, message=message)
            case Step.FAIL:
                conclusions.failed(change, code=code, number=_NOT_FOUND, message=message)
            case Step.STALE:
                conclusions.stale(change, Cause.BASE_MOVED)
            case Step.UNSEEN:
                conclusions.stale(change, Cause.BASE_UNSEEN, code=code, message=message)
            case Step.ESCALATE:
                conclusions.escalated(change, Cause.THIRD_VALUE)
        reading.tell_breaker()
    return False


def _intend(change: Change, revision: Revision, started: float) -> Attempt | None:
    """Write down the call before it is made (B4); None where the lease is lost or half of it is gone (B6)."""
    with transaction.atomic(durable=True):
        held = transitions.lock(change.pk)
        if (held.status, held.fence) != (Status.SENDING, change.fence):
            _note("delivery.lost", change, data={"fence": change.fence})
            return None
        if time.monotonic() - started > settings.DELIVERY_LEASE_S / 2:
            conclusions.postponed(change, Cause.TOO_SLOW)
            return None
        attempt = Attempt.objects.create(
            change=change,
            revision=revision.number,
            fence=change.fence,
            digest=revision.digest,
            started_at=transitions.db_now(),
        )
        facts = {"attempt": str(attempt.pk), "fence": change.fence, "digest": revision.digest}
        _note("delivery.intended", change, data=facts)
        return attempt


def _conclude(change: Change, outcome: Outcome) -> None:
    code, message = outcome.status, told(outcome)
    match outcome:
        case Applied():
            conclusions.applied(change, Cause.CONFIRMED, code=code)
        case Refused() if change.doubtful_since:
            conclusions.escalated(change, Cause.REFUSED_REPEAT, code=code, message=message)
        case Refused():
            conclusions.failed(change, code=code, number=outcome.number, message=message)
        case NotSent():
            conclusions.postponed(change, Cause.NOT_SENT, message=message)
        case NotApplied():
            wait = outcome.retry_after_s or 0
            conclusions.postponed(change, Cause.NOT_APPLIED, code=code, message=message, wait_s=wait)
        case AppliedCheck():
            conclusions.doubted(change, Cause.ECHO_DIFFERS, code=code, message=message, answered=True)
        case InDoubt():
            conclusions.doubted(change, Cause.UNANSWERED, code=code, message=message)


def _escalate(change: Change, cause: Cause) -> None:
    with transaction.atomic(durable=True):
        conclusions.escalated(change, cause)


def _note(action: str, change: Change, *, data: dict[str, object], code: int | None = None) -> None:
    ledger.record(action, change=change.pk, secret=change.secret, code=code, data=data)
