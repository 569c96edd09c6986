"""Status changes made by the worker: one function each, with event and cause, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from portal.changes.delivery import base_reads, circuit_breaker
from portal.changes.domain import policy
from portal.changes.models import Change, Status, StatusCause
from portal.changes.transitions import db_now, move_change

_LONGEST_PAUSE_S = 300.0
_LONGEST_DOUBT = timedelta(days=1)


def mark_applied(
    change: Change, cause: StatusCause, *, code: int | None = None, details: Mapping[str, Any] | None = None
) -> None:
    """Mark the change as applied: Segura's answer or a read-back confirms it."""
    verified_at = db_now() if cause == StatusCause.READ_BACK else None
    _conclude(change, Status.APPLIED, "change.applied", cause, code=code, details=details, verified_at=verified_at)
    base_reads.record_applied_values(change)


def mark_failed(
    change: Change,
    cause: StatusCause,
    *,
    code: int | None = None,
    number: int | None = None,
    message: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Mark the change as failed: it is not applied and the same call would get the same answer. A user may retry."""
    _conclude(
        change, Status.FAILED, "change.failed", cause, code=code, number=number, message=message, details=details,
        in_doubt_since=None, unknown_outcomes=0,
    )  # fmt: skip


def mark_stale(
    change: Change,
    cause: StatusCause,
    *,
    code: int | None = None,
    message: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Mark the change as stale: its base in Segura has changed or cannot be read. The requester acts next."""
    _conclude(change, Status.STALE, "change.stale", cause, code=code, message=message, details=details)


def requeue_later(
    change: Change,
    cause: StatusCause,
    *,
    code: int | None = None,
    message: str = "",
    wait_s: float = 0,
    own: bool = False,
) -> None:
    """Requeue a change that was surely not executed, after a growing delay.

    The delay is at least `wait_s` seconds, the wait that Segura or its gateway asked for.
    If an earlier call is in doubt and has_exhausted_attempts(), the change is escalated: it blocks its lane meanwhile.
    While delivery is paused, the change is a probe for all others: its delay does not grow, unless the problem is its
    `own` and says nothing about the connection.
    The cause RESTORED stays until the secret was read back.
    """
    if change.cause == StatusCause.RESTORED:
        cause = StatusCause.RESTORED
    if change.in_doubt_since and has_exhausted_attempts(change):
        escalate_to_operator(change, StatusCause.TRIES_SPENT, code=code, message=message)
        return
    _conclude(
        change,
        Status.APPROVED,
        "change.requeued",
        cause,
        code=code,
        message=message,
        **_tried(change, wait_s, own=own),
    )


def mark_returned(change: Change, missing: int) -> None:
    """Return the change to pending, as approvals no longer count and nothing was sent; `missing` more are needed.

    The deadline is counted from the proposal again.
    """
    proposed_at = change.get_current_revision().created_at
    move_change(
        change,
        Status.PENDING,
        "change.returned",
        data={"cause": str(StatusCause.VOTE_VOIDED), "missing": missing},
        cause=StatusCause.VOTE_VOIDED,
        approved_at=None,
        queued_at=None,
        expires_at=policy.pending_deadline(proposed_at),
        not_before=None,
        backoff_count=0,
    )


def mark_expired(change: Change) -> None:
    """Mark a change whose approvals are too old as expired; escalate it if an earlier call is in doubt."""
    if change.in_doubt_since is not None:
        escalate_to_operator(change, StatusCause.APPROVAL_OVER)
    else:
        move_change(change, Status.EXPIRED, "change.expired")


def requeue_same_bytes(change: Change, cause: StatusCause) -> None:
    """Requeue a change in doubt, so that the same request body is sent again.

    The read-back shows that the change is not applied, or does not show enough to tell. The delay grows with the number
    of unknown outcomes. The lane stays blocked by replay_window_until, and because this is the
    earliest approved change of the secret.
    """
    _conclude(
        change,
        Status.APPROVED,
        "change.requeued",
        cause,
        not_before=_after(_pause_s(change.unknown_outcomes - 1)),
        backoff_count=0,
    )


def mark_in_doubt(
    change: Change, cause: StatusCause, *, code: int | None = None, message: str = "", answered: bool = False
) -> None:
    """Mark the change as in doubt: the call may or may not have been executed as intended.

    Unless Segura `answered` the call, the gateway may still replay it until `replay_window_until` (B6).
    """
    now = db_now()
    replay_window_until = change.replay_window_until if answered else now + timedelta(seconds=settings.DELIVERY_HOLD_S)
    _conclude(
        change,
        Status.IN_DOUBT,
        "change.in_doubt",
        cause,
        code=code,
        message=message,
        backoff_count=0,
        unknown_outcomes=change.unknown_outcomes + 1,
        in_doubt_since=change.in_doubt_since or now,
        replay_window_until=replay_window_until,
        not_before=None,
        lease_until=None,
    )


def mark_restored(change: Change) -> None:
    """Mark a change as possibly sent since the backup that the database was restored from.

    An approved change stays approved and keeps its place in its lane, which has room for only one change in doubt.
    """
    now = db_now()
    _conclude(
        change,
        Status.APPROVED if change.status == Status.APPROVED else Status.IN_DOUBT,
        "change.in_doubt",
        StatusCause.RESTORED,
        backoff_count=0,
        unknown_outcomes=0,
        in_doubt_since=now,
        replay_window_until=now + timedelta(seconds=settings.DELIVERY_HOLD_S),
        not_before=None,
        lease_until=None,
    )


def keep_in_doubt(
    change: Change, *, code: int | None = None, message: str = "", wait_s: float = 0, own: bool = False
) -> None:
    """Keep the change in doubt, and its lane blocked, after a read-back that decides nothing.

    The next read-back follows after a growing delay, at least `wait_s` seconds as asked by Segura. `own`: as in
    requeue_later().
    """
    _conclude(
        change,
        Status.IN_DOUBT,
        "change.still_in_doubt",
        StatusCause(change.cause),
        code=code,
        message=message,
        details=change.cause_details,
        **_tried(change, wait_s, own=own),
        lease_until=None,
    )


def escalate_to_operator(
    change: Change,
    cause: StatusCause,
    *,
    code: int | None = None,
    message: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Leave the change to an administrator: the worker does nothing more with it, and its lane stays blocked."""
    _conclude(change, Status.NEEDS_ATTENTION, "change.escalated", cause, code=code, message=message, details=details)


def has_exhausted_attempts(change: Change) -> bool:
    """Return whether the change had too many calls of unknown outcome, or is in doubt for more than a day (B6).

    Failed read-backs are not counted: while Segura is unavailable they go on until the day is over.
    """
    since = change.in_doubt_since
    return change.unknown_outcomes > settings.DELIVERY_MAX_UNKNOWN_OUTCOMES or (
        since is not None and db_now() - since > _LONGEST_DOUBT
    )


def _tried(change: Change, wait_s: float, *, own: bool) -> dict[str, Any]:
    if not own and circuit_breaker.is_paused():
        return {"not_before": _after(wait_s)}
    return {
        "backoff_count": change.backoff_count + 1,
        "not_before": _after(max(wait_s, _pause_s(change.backoff_count))),
    }


def _pause_s(pauses: int) -> float:
    return float(min(_LONGEST_PAUSE_S, settings.DELIVERY_BACKOFF_S * 2 ** min(pauses, 20)))


def _after(seconds: float) -> datetime:
    return db_now() + timedelta(seconds=seconds)


def _conclude(
    change: Change,
    to: Status,
    action: str,
    cause: StatusCause,
    *,
    code: int | None = None,
    number: int | None = None,
    message: str = "",
    details: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    # Without a new message the page keeps showing the last one from Segura.
    said: dict[str, Any] = {"last_http_status": code, "last_message": message} if code is not None or message else {}
    move_change(
        change,
        to,
        action,
        code=code,
        data={"cause": str(cause), "number": number, "message": message, **(details or {})},
        cause=cause,
        cause_details=dict(details or {}),
        **said,
        **columns,
    )
