"""Recording of the result of a call, exactly once, with its status change; via the spool while the database is away."""

from __future__ import annotations

import logging
import time

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models.functions import Now

from portal.audit import ledger
from portal.audit.models import Event
from portal.catalog.segura_client import exchange_action, exchange_data
from portal.changes import transitions
from portal.changes.delivery import circuit_breaker, spool, status_changes
from portal.changes.delivery.spool import SpooledResult
from portal.changes.models import Attempt, Change, Status, StatusCause
from portal.vault import (
    Applied,
    AppliedUnverified,
    Exchange,
    InDoubt,
    NotApplied,
    NotSent,
    Outcome,
    Refused,
    RefusedCheck,
)

_log = logging.getLogger(__name__)
_PAUSES_S = (0.0, 0.2, 1.0, 2.0)


def record_result(attempt: Attempt, outcome: Outcome, kept: SpooledResult | None = None) -> None:
    """Record the result of a call, and set the status of its change if the attempt's fencing token is still current.

    Records once per attempt, however often it is called. `kept`: the result comes late, from the spool.
    """
    with transaction.atomic(durable=True):
        # Lock the row before the log, as everywhere: two orders would deadlock.
        change = transitions.lock_change(attempt.change_id)
        if kept is not None:
            _make_up(change, kept)
        finished = Attempt.objects.filter(pk=attempt.pk, finished_at=None).update(
            finished_at=Now(),
            outcome=outcome.code,
            http_status=outcome.status,
            segura_error_code=outcome.number,
            message=result_message(outcome),
        )
        if not finished:
            return
        facts = {
            "outcome": outcome.code,
            "attempt": str(attempt.pk),
            "fence": attempt.fence,
            "number": outcome.number,
            "message": result_message(outcome),
        }
        _log.info("attempt %s of %s: %s, HTTP %s", attempt.pk, change.reference, outcome.code, outcome.status)
        late = {"spooled": True, "answered_at": kept.answered_at} if kept else {}
        _note("delivery.answered", change, code=outcome.status, data=facts | late)
        if (change.status, change.fence) == (Status.SENDING, attempt.fence):
            _conclude(change, outcome)
        else:
            _note("delivery.claim_lost", change, code=outcome.status, data=facts)
        if kept is None:  # a late result says nothing about calls now
            _tell_breaker(outcome)


def result_message(outcome: Outcome) -> str:
    """Return Segura's message, else the reason by `vault`, plus the names that Segura shows as not taken over."""
    said = outcome.message or outcome.reason
    if isinstance(outcome, AppliedUnverified) and (untaken := (*outcome.differences, *outcome.shared_error)):
        return f"{said} ({', '.join(untaken)})"
    return said


def spool_result(attempt: Attempt, outcome: Outcome, exchange: Exchange | None = None) -> None:
    """Write a result to the spool while the database is away. `exchange`: its event is missing from the log too."""
    missing = None
    if exchange is not None:
        missing = {"action": exchange_action(exchange), "code": exchange.status, "data": exchange_data(exchange)}
    kept = SpooledResult.now(attempt.pk, attempt.fence, outcome, result_message(outcome), missing)
    try:
        spool.write_result(kept)
    except OSError as error:
        _log.critical(
            "attempt %s: %s, HTTP %s, error number %s, and neither database nor spool (%s) takes it",
            kept.attempt,
            kept.outcome,
            kept.code,
            kept.number,
            error.strerror,
        )


def drain_spool_soon(attempt: Attempt) -> bool:
    """Record the spooled result of the attempt within a few seconds; return False if it has to wait for the sweep."""
    for pause_s in _PAUSES_S:
        time.sleep(pause_s)
        connection.close()  # a broken connection would stay broken
        for kept in spool.iter_results():
            if kept.attempt == str(attempt.pk) and _taken_in(kept):
                return True
    return False


def drain_spool() -> None:
    """Record every spooled result."""
    for kept in spool.iter_results():
        _taken_in(kept)


def _taken_in(kept: SpooledResult) -> bool:
    try:
        attempt = Attempt.objects.filter(pk=kept.attempt, fence=kept.fence).first()
        if attempt is None:
            spool.quarantine_result(kept.attempt)
            return False
        record_result(attempt, kept.as_outcome(), kept)
    except DatabaseError as error:
        _log.warning("attempt %s: its answer stays in the spool (%s)", kept.attempt, type(error).__name__)
        return False
    except Exception as error:  # noqa: BLE001 - one bad file must not keep the sweep from all others
        _log.error("attempt %s: its answer cannot be taken in (%s)", kept.attempt, type(error).__name__)
        spool.quarantine_result(kept.attempt)
        return False
    spool.delete_result(kept.attempt)
    return True


def _make_up(change: Change, kept: SpooledResult) -> None:
    """Record the missing exchange event, unless it was committed and only the database's confirmation was lost."""
    if kept.exchange is None:
        return
    action, code, facts = kept.exchange["action"], kept.exchange["code"], kept.exchange["data"]
    same = ("attempt", "method", "started_at")
    for event in Event.objects.filter(change=change.pk, action=action):
        if event.entry and all(event.entry.data.get(name) == facts[name] for name in same):
            return
    _note(action, change, code=code, data=facts | {"spooled": True})


def _conclude(change: Change, outcome: Outcome) -> None:
    code, message, wait = outcome.status, result_message(outcome), outcome.retry_after_s or 0
    match outcome:
        case Applied():
            status_changes.mark_applied(
                change, StatusCause.CONFIRMED_UNSEEN if outcome.unseen else StatusCause.CONFIRMED, code=code
            )
        case Refused() if change.in_doubt_since:
            status_changes.escalate_to_operator(change, StatusCause.REFUSED_REPEAT, code=code, message=message)
        case Refused():
            status_changes.mark_failed(change, StatusCause.REFUSED, code=code, number=outcome.number, message=message)
        case RefusedCheck():
            status_changes.mark_in_doubt(change, StatusCause.REFUSED_CHECK, code=code, message=message, answered=True)
        case NotSent():
            status_changes.requeue_later(change, StatusCause.NOT_SENT, code=code, message=message, wait_s=wait)
        case NotApplied():
            status_changes.requeue_later(change, StatusCause.NOT_APPLIED, code=code, message=message, wait_s=wait)
        case AppliedUnverified():
            status_changes.mark_in_doubt(change, StatusCause.ECHO_DIFFERS, code=code, message=message, answered=True)
        case InDoubt():
            status_changes.mark_in_doubt(change, StatusCause.UNANSWERED, code=code, message=message)


def _tell_breaker(outcome: Outcome) -> None:
    if isinstance(outcome, Applied | AppliedUnverified | Refused):
        circuit_breaker.record_success()
    elif outcome.about_item:
        circuit_breaker.allow_next_probe(transitions.db_now())
    elif not (isinstance(outcome, NotSent) and outcome.wait_is_requested):
        circuit_breaker.record_failure(
            transitions.db_now(), reason=outcome.reason, code=outcome.status, alarm=outcome.alarm
        )


def _note(action: str, change: Change, *, data: dict[str, object], code: int | None = None) -> None:
    ledger.record_event(action, change=change.pk, secret=change.secret, http_status=code, data=data)
