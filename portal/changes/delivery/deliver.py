"""Delivery of one approved change: claim, read and compare, record the intent, call, record the result.

No transaction is open during a network call. Only what Segura is known to hold decides; an unknown outcome is a state
of its own, in doubt. Sources: B2-B8.
"""

from __future__ import annotations

import logging
import time
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models.functions import Now

from portal.audit import ledger
from portal.catalog import segura_client
from portal.catalog.details import SecretDetails
from portal.changes import transitions
from portal.changes.approvals import valid_votes
from portal.changes.delivery import (
    claims,
    overtaking,
    readback,
    results,
    status_changes,
    stored_readings,
    verified_patch,
)
from portal.changes.delivery.readback import NOT_FOUND, Readback, ReadbackAction
from portal.changes.domain.patch import SnapshotMatch
from portal.changes.models import Attempt, Change, Revision, StatusCause
from portal.common import keyring
from portal.common.failpoints import failpoint
from portal.vault import Client, NotSent, Outcome
from portal.vault.entities import Patch

_log = logging.getLogger(__name__)


def deliver_approved_change(change_id: int) -> None:
    """Deliver one approved change as far as possible now; do nothing if another worker has claimed it.

    Ends in APPLIED, FAILED, STALE, IN_DOUBT, NEEDS_ATTENTION, in PENDING or EXPIRED if the approvals no longer count,
    or in APPROVED with `not_before` if nothing was executed. An unforeseen exception before the intent ends in
    NEEDS_ATTENTION; after it the lease decides, as for a killed worker.
    """
    if (change := claims.claim_change(change_id)) is None:
        return
    started = time.monotonic()
    try:
        client = segura_client.build_client(change=change.pk, secret=change.secret)
        revision = verified_patch.load_current_revision(change)
        # Before the comparison: a base that was altered in the database must not look like one changed in Segura.
        edit = verified_patch.build_verified_patch(change, revision)
        reading = readback.confirm_value(client, revision, readback.read_back(client, change.secret))
        if not _cleared(change, revision, reading):
            return
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - one bad change must not crash the worker or block its lane unnoticed
        _stop(change, error)
        return
    failpoint("prepared")
    attempt = _intend(change, revision, started)
    if attempt is None:
        return
    failpoint("intended")
    _send(client, change, attempt, edit, send_before=started + settings.DELIVERY_LEASE_S / 2)


def _stop(change: Change, error: Exception) -> None:
    """End a delivery that cannot be prepared; if another worker has the change by now, only record the lost claim."""
    try:
        with transaction.atomic(durable=True):
            match error:
                case transitions.WrongState():
                    raise error
                case segura_client.NotConfigured():
                    status_changes.requeue_later(change, StatusCause.NOT_CONFIGURED, message=str(error))
                case verified_patch.VotesVoided():
                    _give_back(change, verified_patch.load_current_revision(change))
                case verified_patch.Lapsed():
                    status_changes.mark_expired(change)
                case verified_patch.SignatureNotProved():
                    status_changes.escalate_to_operator(change, StatusCause.SIGNATURE_NOT_PROVED)
                case verified_patch.Tampered():
                    status_changes.escalate_to_operator(change, StatusCause.TAMPERED)
                case keyring.CannotDecrypt():
                    status_changes.escalate_to_operator(change, StatusCause.UNOPENED)
                case _:
                    _log.error("change %d could not be prepared: %s", change.pk, type(error).__name__)
                    status_changes.escalate_to_operator(change, StatusCause.BROKEN)
    except transitions.WrongState:
        _note("delivery.claim_lost", change, data={"fence": change.fence})


def _cleared(change: Change, revision: Revision, reading: Readback) -> bool:
    """Return whether the call may be made; if not, set the status that the read-back requires."""
    doubtful, restored = change.in_doubt_since is not None, change.cause == StatusCause.RESTORED
    step = readback.decide_action(revision, reading, doubtful=doubtful, restored=restored)
    if step in readback.SENDING:
        return True
    code, message = reading.code, reading.message
    with transaction.atomic(durable=True):
        match step:
            case ReadbackAction.APPLIED:
                status_changes.mark_applied(change, StatusCause.READ_BACK)
            case ReadbackAction.WAIT:
                wait, own = reading.wait_s, reading.is_own_trouble
                status_changes.requeue_later(
                    change, StatusCause.UNREADABLE, code=code, message=message, wait_s=wait, own=own
                )
            case ReadbackAction.MISSING:
                status_changes.mark_failed(change, StatusCause.NOT_FOUND, code=code, number=NOT_FOUND, message=message)
            case ReadbackAction.MOVED if reading.seen is not None:
                _overtake(change, revision, reading.seen)
            case ReadbackAction.UNSEEN:
                status_changes.mark_stale(change, StatusCause.BASE_UNSEEN, code=code, message=message)
            case ReadbackAction.ESCALATE:
                status_changes.escalate_to_operator(change, StatusCause.THIRD_VALUE)
            case ReadbackAction.UNPROVED:
                status_changes.escalate_to_operator(change, StatusCause.RESTORED_UNSEEN, code=code, message=message)
        stored_readings.store_reading(change, reading)
        reading.tell_breaker()
    return False


def _overtake(change: Change, revision: Revision, seen: SecretDetails) -> None:
    """End a delivery whose secret no longer equals the base; the cause says what is known of the reason."""
    calls = Attempt.objects.filter(change=change).exclude(outcome=NotSent.code)
    if readback.compare_reading(revision, seen).finding is SnapshotMatch.TARGET:
        if calls.filter(digest=revision.digest).exists():
            status_changes.mark_applied(change, StatusCause.READ_BACK)
        else:
            status_changes.mark_stale(
                change, StatusCause.MOVED_AFTER_CALL if calls.exists() else StatusCause.ALREADY_THERE
            )
    elif numbers := overtaking.find_causing_changes(change, revision, seen):
        status_changes.mark_stale(change, StatusCause.MOVED_BY_CHANGE, details={"moved_by": numbers})
    else:
        status_changes.mark_stale(change, StatusCause.MOVED_AFTER_CALL if calls.exists() else StatusCause.BASE_MOVED)


def _intend(change: Change, revision: Revision, started: float) -> Attempt | None:
    """Record the call before it is made (B4); None if the lease is lost or half used (B6), or approvals are missing."""
    with transaction.atomic(durable=True):
        if not claims.is_still_claimed(change):
            _note("delivery.claim_lost", change, data={"fence": change.fence})
            return None
        if not valid_votes.has_enough_rights(change, revision):
            _give_back(change, revision)
            return None
        if time.monotonic() - started > settings.DELIVERY_LEASE_S / 2:
            status_changes.requeue_later(change, StatusCause.TOO_SLOW, own=True)
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
    """Return the change to pending, as too few approvals count; escalate it if an earlier call is in doubt."""
    votes = valid_votes.void_lapsed(change, valid_votes.list_valid_votes(change))
    if change.in_doubt_since is not None:
        status_changes.escalate_to_operator(change, StatusCause.APPROVAL_OVER)
    else:
        status_changes.mark_returned(change, valid_votes.count_missing(revision, votes))


def _send(client: Client, change: Change, attempt: Attempt, edit: Patch, *, send_before: float) -> None:
    """Make the call and record its result, through the spool if the database is lost at this moment (F17)."""
    outcome: Outcome | None = None
    try:
        outcome = client.update_secret(
            change.secret,
            edit,
            attempt_id=str(attempt.pk),
            correlation_id=change.reference,
            send_before=send_before,
            unreported=partial(results.spool_result, attempt),
        )
        failpoint("answered")
        results.record_result(attempt, outcome)
    except DatabaseError:
        if outcome is not None:
            results.spool_result(attempt, outcome)
        if not results.drain_spool_soon(attempt):
            raise


def _note(action: str, change: Change, *, data: dict[str, object], code: int | None = None) -> None:
    ledger.record_event(action, change=change.pk, secret=change.secret, http_status=code, data=data)
