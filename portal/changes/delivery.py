"""The machine's step: claim -> read and compare -> intent -> call -> settle. No transaction is open on the network.

What the vault is known to hold decides; what is not known has its own state. Sources: B2-B8.
"""

from __future__ import annotations

import logging
import time
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models.functions import Now

from portal import keyring
from portal.audit import ledger
from portal.catalog import connection
from portal.catalog.details import Details
from portal.changes import approved, conclusions, overtaking, readback, settlement, transitions, valid_votes
from portal.changes.models import Attempt, Cause, Change, Revision
from portal.changes.patch import Finding
from portal.changes.readback import NOT_FOUND, Reading, Step
from portal.crashpoints import crashpoint
from portal.vault import Client, NotSent, Outcome
from portal.vault.entity import Patch

_log = logging.getLogger(__name__)


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
        revision = approved.revision(change)
        edit = approved.edit(change, revision)  # first: a base that was altered must not pass for one that moved
        reading = readback.confirm_value(client, revision, readback.read(client, change.secret))
        if not _cleared(change, revision, reading):
            return
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - a poisoned change must stop neither the worker nor, unseen, its lane
        _stop(change, error)
        return
    crashpoint("prepared")
    attempt = _intend(change, revision, started)
    if attempt is None:
        return
    crashpoint("intended")
    _send(client, change, attempt, edit, send_before=started + settings.DELIVERY_LEASE_S / 2)


def _stop(change: Change, error: Exception) -> None:
    """End a delivery that cannot be prepared; if another worker has taken the change over, only say so."""
    try:
        with transaction.atomic(durable=True):
            match error:
                case transitions.WrongState():
                    raise error
                case connection.NotConfigured():
                    conclusions.postponed(change, Cause.NOT_CONFIGURED, message=str(error))
                case approved.VotesVoided():
                    _give_back(change, approved.revision(change))
                case approved.Lapsed():
                    conclusions.lapsed(change)
                case approved.Tampered():
                    conclusions.escalated(change, Cause.TAMPERED)
                case keyring.CannotOpen():
                    conclusions.escalated(change, Cause.UNOPENED)
                case _:
                    _log.error("change %d could not be prepared: %s", change.pk, type(error).__name__)
                    conclusions.escalated(change, Cause.BROKEN)
    except transitions.WrongState:
        _note("delivery.lost", change, data={"fence": change.fence})


def _cleared(change: Change, revision: Revision, reading: Reading) -> bool:
    """Whether the call may go out; if not, the change is moved to where it belongs."""
    doubtful, restored = change.doubtful_since is not None, change.cause == Cause.RESTORED
    step = readback.step(revision, reading, doubtful=doubtful, restored=restored)
    if step in readback.SENDING:
        return True
    code, message = reading.code, reading.message
    with transaction.atomic(durable=True):
        match step:
            case Step.APPLIED:
                conclusions.applied(change, Cause.READ_BACK)
            case Step.WAIT:
                wait, own = reading.wait_s, reading.is_own_trouble
                conclusions.postponed(change, Cause.UNREADABLE, code=code, message=message, wait_s=wait, own=own)
            case Step.MISSING:
                conclusions.failed(change, Cause.NOT_FOUND, code=code, number=NOT_FOUND, message=message)
            case Step.MOVED if reading.seen is not None:
                _overtake(change, revision, reading.seen)
            case Step.UNSEEN:
                conclusions.stale(change, Cause.BASE_UNSEEN, code=code, message=message)
            case Step.ESCALATE:
                conclusions.escalated(change, Cause.THIRD_VALUE)
            case Step.UNPROVED:
                conclusions.escalated(change, Cause.RESTORED_UNSEEN, code=code, message=message)
        reading.tell_breaker()
    return False


def _overtake(change: Change, revision: Revision, seen: Details) -> None:
    """End a delivery whose secret is no longer as approvers saw it; the cause says what is known of the reason."""
    calls = Attempt.objects.filter(change=change).exclude(outcome=NotSent.code)
    if readback.judge(revision, seen).finding is Finding.TARGET:
        if calls.filter(digest=revision.digest).exists():
            conclusions.applied(change, Cause.READ_BACK)
        else:
            conclusions.stale(change, Cause.MOVED_AFTER_CALL if calls.exists() else Cause.ALREADY_THERE)
    elif numbers := overtaking.find_causing_changes(change, revision, seen):
        conclusions.stale(change, Cause.MOVED_BY_CHANGE, details={"moved_by": numbers})
    else:
        conclusions.stale(change, Cause.MOVED_AFTER_CALL if calls.exists() else Cause.BASE_MOVED)


def _intend(change: Change, revision: Revision, started: float) -> Attempt | None:
    """Write down the call before it is made (B4); None where the lease is lost or half of it is gone (B6)."""
    with transaction.atomic(durable=True):
        if not transitions.still_held(change):
            _note("delivery.lost", change, data={"fence": change.fence})
            return None
        if not valid_votes.has_enough_rights(change, revision):
            _give_back(change, revision)
            return None
        if time.monotonic() - started > settings.DELIVERY_LEASE_S / 2:
            conclusions.postponed(change, Cause.TOO_SLOW, own=True)
            return None
        attempt = Attempt.objects.create(
            change=change,
            revision=revision.number,
            fence=change.fence,
            digest=revision.digest,
            started_at=Now(),
        )
        facts = {"attempt": str(attempt.pk), "fence": change.fence, "digest": revision.digest}
        _note("delivery.intended", change, data=facts)
        return attempt


def _give_back(change: Change, revision: Revision) -> None:
    """Too few approvals count now: nothing is sent. What may have been sent before is left to an administrator."""
    votes = valid_votes.void_lapsed(change, valid_votes.list_standing(change))
    if change.doubtful_since is not None:
        conclusions.escalated(change, Cause.APPROVAL_OVER)
    else:
        conclusions.returned(change, valid_votes.count_missing(revision, votes))


def _send(client: Client, change: Change, attempt: Attempt, edit: Patch, *, send_before: float) -> None:
    """Make the call and settle it; by way of the disk where the database is lost in this moment (F17)."""
    outcome: Outcome | None = None
    try:
        outcome = client.update(
            change.secret,
            edit,
            attempt_id=str(attempt.pk),
            correlation_id=change.number,
            send_before=send_before,
            unreported=partial(settlement.keep, attempt),
        )
        crashpoint("answered")
        settlement.settle(attempt, outcome)
    except DatabaseError:
        if outcome is not None:
            settlement.keep(attempt, outcome)
        if not settlement.take_in_soon(attempt):
            raise


def _note(action: str, change: Change, *, data: dict[str, object], code: int | None = None) -> None:
    ledger.record(action, change=change.pk, secret=change.secret, code=code, data=data)
