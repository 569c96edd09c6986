"""Commands after a delivery failed or needs attention: retry, check again, resolve manually. One transaction each."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.limits import count_act
from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.roles import Right
from portal.audit import ledger
from portal.changes.approvals import valid_votes, vote_mac
from portal.changes.delivery import base_reads, stored_readings, tasks
from portal.changes.domain import policy, secret_encryption
from portal.changes.models import Change, Revision, Status, StatusCause, WrongValue
from portal.changes.rules import guards
from portal.changes.rules.guards import ReasonMissing, SecretMismatch, TooManyGuesses, VotesLapsed
from portal.changes.transitions import WrongState, db_now, lock_change, move_change
from portal.vault.entities import SecretStr

WRONG_VALUES = 5
GUESSES_COUNT_FOR = timedelta(hours=1)
_REFUSED = "change.retry_refused"


def retry_change(change_id: int, *, by: User, value: SecretStr | None = None, recent_auth: RecentAuth) -> Change:
    """Queue a failed change again under its old votes; the worker checks digest and base again before it sends.

    Allowed to its requester and to administrators, within the lifetime of an approved change, and while the users who
    approved it may still approve. If the change carries a client secret, its encrypted value was erased when the change
    was closed: the user enters it again, and it must equal the approved value. A wrong value is recorded in the log,
    and after WRONG_VALUES of them within GUESSES_COUNT_FOR no further value is compared. Raises NotAllowed, WrongState,
    VotesLapsed, ReauthenticationRequired, SecretMismatch, TooManyGuesses, LimitReached.
    """
    with transaction.atomic(durable=True):
        change = lock_change(change_id)
        guards.require_right(by, Right.PROPOSE if change.requester_id == by.pk else Right.OPERATE)
        if change.status != Status.FAILED:
            raise WrongState(change)
        revision = change.get_current_revision()
        in_time = change.closed_at is not None and db_now() < policy.approval_deadline(change.closed_at)
        if not in_time or not valid_votes.is_approved(revision, guards.current_votes(change)):
            raise VotesLapsed(_("Its approvals no longer count. Propose the change again."))
        guards.require_recent_auth(recent_auth)
        count_act(by, "retry")
        refusal = _value_refused(change, revision, value) if revision.secret_fingerprint else None
        if refusal is None:
            _requeue(change, revision, value, by=by, recent_auth=recent_auth)
        elif value is not None:  # counted under the row lock, so that parallel guesses count too
            if not isinstance(refusal, TooManyGuesses):
                WrongValue.objects.create(change=change)
            facts = {"rule": refusal.code}
            ledger.record_event(_REFUSED, by=by.username, change=change.pk, secret=change.secret, data=facts)
    if refusal is not None:
        raise refusal
    tasks.enqueue_change(change.pk)
    return change


def _value_refused(change: Change, revision: Revision, value: SecretStr | None) -> SecretMismatch | None:
    """Return the reason why this value may not be sent, or None if it is the approved value."""
    if WrongValue.objects.filter(change=change, at__gt=db_now() - GUESSES_COUNT_FOR).count() >= WRONG_VALUES:
        return TooManyGuesses(_("Too many wrong values within an hour. Find the right one, and try again later."))
    if value is None or secret_encryption.fingerprint_secret(value) != revision.secret_fingerprint:
        return SecretMismatch(
            _("Enter the client secret that was approved: its value was erased when the change failed.")
        )
    return None


def _requeue(change: Change, revision: Revision, value: SecretStr | None, *, by: User, recent_auth: RecentAuth) -> None:
    now = db_now()
    move_change(
        change,
        Status.APPROVED,
        "change.retried",
        by=by.username,
        data={
            "digest": revision.digest,
            **recent_auth.as_data(),
            **vote_mac.sign_act("change.retried", change, now, by.username),
        },
        queued_at=now,
        expires_at=policy.approval_deadline(now),
        not_before=None,
        closed_at=None,
        backoff_count=0,
        cause=StatusCause.NONE,
    )
    if revision.secret_fingerprint and value is not None:
        blob = secret_encryption.encrypt_secret(value, revision.pk).blob
        Revision.objects.filter(pk=revision.pk).update(encrypted_secret=blob)


def recheck_change(change_id: int, *, by: User, recent_auth: RecentAuth) -> Change:
    """Let the worker read the secret back again for a change that needs attention.

    Allowed to administrators who neither proposed nor edited the change: depending on the result the worker may send
    the change again, so four eyes are needed here too. If a backup was restored since, the change is sent again only if
    the secret can be read. Raises NotAllowed, OwnChange, WrongState, ReauthenticationRequired, LimitReached.
    """
    guards.require_right(by, Right.OPERATE)
    with transaction.atomic(durable=True):
        change = lock_change(change_id)
        guards.forbid_own_change(
            change, by, _("You proposed or edited this change. Another administrator must have it checked again.")
        )
        if change.status != Status.NEEDS_ATTENTION:
            raise WrongState(change)
        guards.require_recent_auth(recent_auth)
        count_act(by, "recheck")
        now = db_now()
        move_change(
            change,
            Status.IN_DOUBT,
            "change.rechecked",
            by=by.username,
            data={**recent_auth.as_data(), **vote_mac.sign_act("change.rechecked", change, now, by.username)},
            not_before=None,
            cause=StatusCause.RESTORED if change.cause == StatusCause.RESTORED_UNSEEN else StatusCause.RECHECKED,
            backoff_count=0,
            unknown_outcomes=0,
            in_doubt_since=now,
        )
    tasks.enqueue_change(change.pk)
    return change


def resolve_change(
    change_id: int, *, by: User, applied: bool, reason: str, recent_auth: RecentAuth, in_part: bool = False
) -> Change:
    """Resolve manually a change that the worker cannot settle: an administrator has looked at the secret in Segura.

    Allowed to administrators who neither proposed nor edited the change, so four eyes are needed here too. `reason`
    says what was found, `in_part` that only some of the proposed values are there. Other changes of the secret go on
    once the gateway can no longer replay a call. Raises NotAllowed, OwnChange, WrongState, ReasonMissing,
    ReauthenticationRequired.
    """
    guards.require_right(by, Right.OPERATE)
    if not reason.strip():
        raise ReasonMissing(_("Say what you found in Segura: auditors read it."))
    with transaction.atomic(durable=True):
        change = lock_change(change_id)
        guards.forbid_own_change(
            change, by, _("You proposed or edited this change. Another administrator must close it.")
        )
        if change.status != Status.NEEDS_ATTENTION:
            raise WrongState(change)
        guards.require_recent_auth(recent_auth)
        found = _describe_reading(change)
        move_change(
            change,
            Status.APPLIED if applied else Status.FAILED,
            "change.resolved",
            by=by.username,
            data={"applied": applied, "in_part": in_part, "reason": reason.strip(), **found, **recent_auth.as_data()},
            cause=StatusCause.CLOSED_IN_PART if applied and in_part else StatusCause.CLOSED,
            in_doubt_since=None,
            unknown_outcomes=0,
            backoff_count=0,
        )
        if applied:
            base_reads.record_applied_values(change)
        return change


def _describe_reading(change: Change) -> dict[str, Any]:
    """Return the values that the page compared when the change was resolved, for its event; {} if there were none."""
    revision = change.get_current_revision()
    reading = stored_readings.find_reading(change, revision)
    if reading is None:
        return {}
    values = stored_readings.compare_stored_reading(revision, reading)
    found = {row.field: row.now for row in values if not row.found}
    value = next((row.found for row in values if row.found), "")
    read_at = reading.read_at.astimezone(UTC).isoformat(timespec="milliseconds")
    return {"found": found, "found_at": read_at, **({"value_found": value} if value else {})}
