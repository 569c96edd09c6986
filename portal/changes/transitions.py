"""Transitions between the states of a change: the only writer of a status, which records each change as an event.

ALLOWED is the state diagram as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from portal.audit import ledger
from portal.changes.models import Change, Status
from portal.common import request_id

ALLOWED: dict[Status, tuple[Status, ...]] = {
    Status.PENDING: (Status.PENDING, Status.APPROVED, Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED),
    Status.APPROVED: (Status.APPROVED, Status.SENDING, Status.EXPIRED, Status.PENDING),
    Status.SENDING: (
        Status.PENDING,
        Status.EXPIRED,
        Status.APPLIED,
        Status.FAILED,
        Status.STALE,
        Status.APPROVED,
        Status.IN_DOUBT,
        Status.NEEDS_ATTENTION,
    ),
    Status.IN_DOUBT: (Status.IN_DOUBT, Status.APPLIED, Status.FAILED, Status.APPROVED, Status.NEEDS_ATTENTION),
    Status.NEEDS_ATTENTION: (Status.IN_DOUBT, Status.APPLIED, Status.FAILED),
    Status.FAILED: (Status.APPROVED,),
    Status.STALE: (Status.PENDING, Status.WITHDRAWN, Status.EXPIRED),
    Status.APPLIED: (),
    Status.REJECTED: (),
    Status.WITHDRAWN: (),
    Status.EXPIRED: (),
}
CLOSED = (Status.APPLIED, Status.FAILED, Status.REJECTED, Status.WITHDRAWN, Status.EXPIRED)
"""Closed states. Entering one of them erases the encrypted client secret."""
_SEEN = ("id", "status", "revision", "fence")


class WrongState(Exception):
    """Operation that the present state of the change does not, or no longer, allow."""

    code = "WrongState"

    def __init__(self, change: Change) -> None:
        super().__init__(f"{change.reference} is {change.status}")
        self.change = change


class _LaneTaken(Exception):
    """Lost claim: another change of the same secret was claimed at the same moment."""


def db_now() -> datetime:
    """Return the database time, the only time that leases and deadlines are compared with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def lock_change(change_id: int) -> Change:
    """Return the change with its row locked until the transaction ends. Raises Change.DoesNotExist."""
    return Change.objects.select_for_update().get(pk=change_id)


def move_change(
    change: Change,
    to: Status,
    action: str,
    *,
    by: str = "",
    code: int | None = None,
    data: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Set the status of the change and record the event, in the caller's transaction.

    Compare-and-swap on the status, revision and fence that `change` holds: raises WrongState if the row differs by now
    or if ALLOWED does not permit the new status. `columns` are set in the same UPDATE; the instance is refreshed.
    """
    if to not in ALLOWED[Status(change.status)]:
        raise WrongState(change)
    columns |= {"status": to}
    if to not in (Status.SENDING, Status.IN_DOUBT):
        columns["lease_until"] = None
    if "cause" in columns:
        columns.setdefault("cause_details", {})
    if to is Status.APPROVED and by:
        # The delivery runs under this request id, also if the sweep enqueues it.
        columns["approval_request_id"] = request_id.current_request_id()
    came_from = change.status
    instants = {"updated_at": Now()}
    if to != came_from:
        instants["status_since"] = Now()
    if to in CLOSED:
        instants["closed_at"] = Now()
    seen = {name: getattr(change, name) for name in _SEEN}
    if not Change.objects.filter(**seen).update(**columns, **instants):
        raise WrongState(change)
    change.refresh_from_db(fields=[*columns, *instants])
    if to in CLOSED:
        change.erase_encrypted_values()
    ledger.record_event(
        action,
        by=by,
        change=change.pk,
        secret=change.secret,
        http_status=code,
        data={"from": came_from, "to": str(to), "revision": change.revision, **(data or {})},
    )
