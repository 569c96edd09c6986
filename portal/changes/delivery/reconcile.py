"""Reconciliation of changes in doubt: a read-back shows whether the last call was executed."""

from __future__ import annotations

import logging

from django.db import Error as DatabaseError
from django.db import transaction

from portal.audit import ledger
from portal.catalog import segura_client
from portal.changes import transitions
from portal.changes.delivery import claims, readback, status_changes, stored_readings
from portal.changes.delivery.readback import Readback, ReadbackAction
from portal.changes.domain.patch import Judgement, SnapshotMatch
from portal.changes.models import Attempt, Change, Revision, StatusCause
from portal.changes.transitions import db_now
from portal.vault import AppliedUnverified, RefusedCheck

_log = logging.getLogger(__name__)


def resolve_unknown_outcome(change_id: int) -> None:
    """Read back a change in doubt and mark it applied or failed, requeue it, keep it in doubt, or escalate it (B6)."""
    change = claims.claim_for_read_back(change_id)
    if change is None:
        return
    reading = _read(change)
    with transaction.atomic(durable=True):
        try:
            with transaction.atomic():
                _settle_doubt(change, reading)
                stored_readings.store_reading(change, reading)
        except transitions.WrongState:
            ledger.record_event(
                "delivery.claim_lost", change=change.pk, secret=change.secret, data={"fence": change.fence}
            )
        if reading.seen or reading.error:
            reading.tell_breaker()


def _read(change: Change) -> Readback:
    try:
        client = segura_client.build_client(change=change.pk, secret=change.secret)
        return readback.confirm_value(client, change.get_current_revision(), readback.read_back(client, change.secret))
    except segura_client.NotConfigured:
        return Readback()
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - an unforeseen answer must not block a lane for ever
        _log.error("change %d could not be read back: %s", change.pk, type(error).__name__)
        return Readback()


def _settle_doubt(change: Change, reading: Readback) -> None:
    restored = change.cause == StatusCause.RESTORED
    revision = change.get_current_revision()
    todo = readback.decide_action(revision, reading, doubtful=True, restored=restored)
    answered = "" if restored or todo is ReadbackAction.WAIT else _answered(change)
    if todo is ReadbackAction.APPLIED:
        status_changes.mark_applied(change, StatusCause.READ_BACK)
    elif answered:
        _settle_answered(change, revision, reading, said_yes=answered == AppliedUnverified.code)
    elif todo is ReadbackAction.ESCALATE:
        status_changes.escalate_to_operator(change, StatusCause.THIRD_VALUE)
    elif todo is ReadbackAction.UNPROVED:
        status_changes.escalate_to_operator(
            change, StatusCause.RESTORED_UNSEEN, code=reading.code, message=reading.message
        )
    elif status_changes.has_exhausted_attempts(change):
        status_changes.escalate_to_operator(
            change, StatusCause.RESTORED_UNSEEN if restored else StatusCause.TRIES_SPENT
        )
    elif todo in _RESENT:
        status_changes.requeue_same_bytes(change, _RESENT[todo])
    else:
        wait, own = reading.wait_s, reading.is_own_trouble
        status_changes.keep_in_doubt(change, code=reading.code, message=reading.message, wait_s=wait, own=own)


def _answered(change: Change) -> str:
    """Return the outcome code of the newest call if Segura's answer to it proves nothing; '' if not."""
    calls = Attempt.objects.filter(change=change).order_by("-started_at")
    newest = calls.values_list("outcome", flat=True).first() or ""
    return newest if newest in (AppliedUnverified.code, RefusedCheck.code) else ""


def _settle_answered(change: Change, revision: Revision, reading: Readback, *, said_yes: bool) -> None:
    """Resolve a call whose answer proves nothing, without another call, which would be answered the same (B5).

    `said_yes`: Segura confirmed the call, but its answer differs from what was sent.
    """
    if reading.seen is None:
        cause = StatusCause.UNVERIFIED if said_yes else StatusCause.REFUSED_UNSEEN
        status_changes.escalate_to_operator(change, cause, code=reading.code, message=reading.message)
        return
    found = readback.compare_reading(revision, reading.seen)
    if said_yes:
        _settle_yes(change, found)
    elif found.finding is SnapshotMatch.OTHER:
        status_changes.escalate_to_operator(change, StatusCause.THIRD_VALUE)
    elif found.taken or found.hidden:
        status_changes.escalate_to_operator(change, StatusCause.REFUSED_UNSEEN)
    elif (
        change.replay_window_until and change.replay_window_until > db_now()
    ):  # the gateway may still replay an earlier call
        status_changes.keep_in_doubt(change, own=True)
    else:
        status_changes.mark_failed(change, StatusCause.REFUSED_SEEN)


def _settle_yes(change: Change, found: Judgement) -> None:
    details = {"untaken": [list(entry) for entry in found.untaken]} if found.untaken else {}
    match found.finding:
        case SnapshotMatch.HIDDEN:
            status_changes.mark_applied(change, StatusCause.CONFIRMED_UNSEEN)
        case SnapshotMatch.PARTIAL:
            status_changes.mark_applied(change, StatusCause.APPLIED_EXCEPT, details={**details, "hidden": found.hidden})
        case SnapshotMatch.NONE_TAKEN:
            status_changes.mark_failed(change, StatusCause.NONE_TAKEN, details=details)
        case _:
            status_changes.escalate_to_operator(change, StatusCause.PARTLY_APPLIED, details=details)


_RESENT = {
    ReadbackAction.SEND: StatusCause.SEND_AGAIN,
    ReadbackAction.REPEAT_UNREAD: StatusCause.REPEAT_UNREAD,
    ReadbackAction.REPEAT_HIDDEN: StatusCause.REPEAT_HIDDEN,
}
