"""The ways a machine's step can end: one move each, with its event and its cause, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from portal.changes.delivery import circuit_breaker
from portal.changes.domain import policy
from portal.changes.models import Change, Status, StatusCause
from portal.changes.transitions import db_now, move_change

_LONGEST_PAUSE_S = 300.0
_LONGEST_DOUBT = timedelta(days=1)


def mark_applied(
    change: Change, cause: StatusCause, *, code: int | None = None, details: Mapping[str, Any] | None = None
) -> None:
    """The vault holds what was approved: confirmed by the answer, or seen by reading back."""
    verified_at = db_now() if cause == StatusCause.READ_BACK else None
    _conclude(change, Status.APPLIED, "change.applied", cause, code=code, details=details, verified_at=verified_at)


def mark_failed(
    change: Change,
    cause: StatusCause,
    *,
    code: int | None = None,
    number: int | None = None,
    message: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """It is not applied, and sending it again would be answered the same; a person may retry."""
    _conclude(
        change, Status.FAILED, "change.failed", cause, code=code, number=number, message=message, details=details,
        doubtful_since=None, doubts=0,
    )  # fmt: skip


def mark_stale(
    change: Change,
    cause: StatusCause,
    *,
    code: int | None = None,
    message: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """What was voted on is no longer there to be changed: back to its requester."""
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
    """Surely not executed: again later, after a growing pause or what the gateway asked for (seconds).

    Where an earlier call is in doubt, patience ends like that of a doubt: nobody else can use the lane meanwhile.
    A try for all of delivery while it is paused is not the change's own: its pauses do not grow by it, unless what
    went wrong is its `own` and says nothing about the connection.
    What a restore has put in doubt stays so until the secret was seen.
    """
    if change.cause == StatusCause.RESTORED:
        cause = StatusCause.RESTORED
    if change.doubtful_since and has_exhausted_attempts(change):
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
    """Approvals no longer count and nothing was sent: the change waits for `missing` more, until its first deadline."""
    proposed_at = change.current().created_at
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
        tries=0,
    )


def mark_expired(change: Change) -> None:
    """The approvals are too old: over, unless an earlier call is in doubt, of which a user must say what became."""
    if change.doubtful_since is not None:
        escalate_to_operator(change, StatusCause.APPROVAL_OVER)
    else:
        move_change(change, Status.EXPIRED, "change.expired")


def requeue_same_bytes(change: Change, cause: StatusCause) -> None:
    """Seen not to be applied, or not to be seen: the same bytes again, after a pause that grows with the doubts.

    The lane stays closed by hold_until, and by being the earliest approved change of the secret.
    """
    _conclude(
        change,
        Status.APPROVED,
        "change.requeued",
        cause,
        not_before=_after(_pause_s(change.doubts - 1)),
        tries=0,
    )


def mark_in_doubt(
    change: Change, cause: StatusCause, *, code: int | None = None, message: str = "", answered: bool = False
) -> None:
    """The call may or may not have been executed as meant.

    Unless Segura `answered` it, the gateway may still replay it, until `hold_until` (B6).
    """
    now = db_now()
    hold_until = change.hold_until if answered else now + timedelta(seconds=settings.DELIVERY_HOLD_S)
    _conclude(
        change,
        Status.IN_DOUBT,
        "change.doubted",
        cause,
        code=code,
        message=message,
        tries=0,
        doubts=change.doubts + 1,
        doubtful_since=change.doubtful_since or now,
        hold_until=hold_until,
        not_before=None,
        lease_until=None,
    )


def mark_restored(change: Change) -> None:
    """The database is older than the vault may be: whatever was about to be sent may have been sent since.

    What is approved keeps its place in its lane, of which a change in doubt would be the only one.
    """
    now = db_now()
    _conclude(
        change,
        Status.APPROVED if change.status == Status.APPROVED else Status.IN_DOUBT,
        "change.doubted",
        StatusCause.RESTORED,
        tries=0,
        doubts=0,
        doubtful_since=now,
        hold_until=now + timedelta(seconds=settings.DELIVERY_HOLD_S),
        not_before=None,
        lease_until=None,
    )


def keep_in_doubt(
    change: Change, *, code: int | None = None, message: str = "", wait_s: float = 0, own: bool = False
) -> None:
    """Reading back gave no answer: keep the lane, read again after a growing pause, or what Segura asked for.

    `own`: as in postponed().
    """
    _conclude(
        change,
        Status.IN_DOUBT,
        "change.still_doubted",
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
    """The machine stops here and keeps the lane; a person has to look."""
    _conclude(change, Status.NEEDS_HUMAN, "change.escalated", cause, code=code, message=message, details=details)


def has_exhausted_attempts(change: Change) -> bool:
    """Whether the machine has doubted long enough: too many calls of unknown outcome, or a day of it (B6).

    A vault that is away wears nobody out: reading back goes on until the day is over.
    """
    since = change.doubtful_since
    return change.doubts > settings.DELIVERY_MAX_TRIES or (since is not None and db_now() - since > _LONGEST_DOUBT)


def _tried(change: Change, wait_s: float, *, own: bool) -> dict[str, Any]:
    if not own and circuit_breaker.is_paused():
        return {"not_before": _after(wait_s)}
    return {"tries": change.tries + 1, "not_before": _after(max(wait_s, _pause_s(change.tries)))}


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
    # What Segura said last stays on the page until it says something else.
    said: dict[str, Any] = {"answer_code": code, "answer": message} if code is not None or message else {}
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
