"""Commands of requesters: submit, revise and withdraw. A rule violation's `str()` is a sentence for the user."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portal.accounts.limits import count_act
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.accounts.user_lock import lock_user
from portal.audit import ledger
from portal.catalog.models import ApiSecret
from portal.changes.domain import policy
from portal.changes.domain.proposal import Proposal
from portal.changes.models import REVISABLE, Change, Revision, Status, StatusCause
from portal.changes.rules import guards, revert_rules, secret_quotes
from portal.changes.rules.guards import NotAllowed
from portal.changes.transitions import WrongState, db_now, lock_change, move_change
from portal.changes.workflow import drafts, revisions


def submit_change(proposal: Proposal, *, by: User, read: ApiSecret | None = None, reverts: int | None = None) -> Change:
    """Submit a proposal for approval and return its change. `read`: its secret, if the caller has just read it.

    `reverts`: id of the applied change that the proposal reverts. The same proposal submitted twice is one change.
    Raises NotAllowed, NotWritable, NothingChanged, ReasonMissing, ContainsSecret, TooManySubmissions, NotRevertible,
    BeyondRevert.
    """
    guards.require_right(by, Right.PROPOSE)
    secret = guards.require_writable_secret(proposal, read)
    guards.require_changes(proposal)
    secret_quotes.forbid_in_proposal(proposal)
    reverted = revert_rules.require_revertible(reverts, proposal, by=by) if reverts is not None else None
    try:
        with transaction.atomic(durable=True):
            lock_user(by)
            now = db_now()
            recent = revisions.count_recent_submissions(proposal, by=by, now=now)
            guards.enforce_submission_limit(proposal, by, submitted=recent.revisions, now=now)
            change = Change.objects.create(
                secret=secret.identifier,
                secret_name=secret.name,
                reverts=reverted,
                requester=by,
                burst_size=recent.secrets,
                risk=proposal.risk(recent.secrets),
                created_at=now,
                updated_at=now,
                status_since=now,
                expires_at=policy.pending_deadline(now),
            )
            revision = revisions.create_revision(change, proposal, by=by, number=1, at=now)
            if reverted is None:  # the form of a revert saves no draft, so an own draft holds another edit
                drafts.discard_draft(by=by, secret=secret.identifier)
            ledger.record_event(
                "change.submitted",
                by=by.username,
                change=change.pk,
                secret=change.secret,
                data=_submission_data(change, revision),
            )
            return change
    except IntegrityError:
        submitted = Change.objects.filter(revisions=proposal.revision_id, requester=by).first()
        if submitted is None:
            raise
        return submitted


def revise_change(change_id: int, proposal: Proposal, *, by: User) -> Change:
    """Replace what is proposed: add a revision without votes, and erase the earlier encrypted value.

    Allowed only to the requester, while the change is pending or stale. Raises AlreadySubmitted, WrongState and what
    submit_change raises.
    """
    guards.require_right(by, Right.PROPOSE)
    guards.require_changes(proposal)
    secret_quotes.forbid_in_proposal(proposal)
    try:
        with transaction.atomic(durable=True):
            return _take_revision(lock_change(change_id), proposal, by=by)
    except IntegrityError:  # a parallel request made it a revision of another change
        guards.forbid_resubmission(proposal)
        raise


def withdraw_change(change_id: int, *, by: User) -> Change:
    """Withdraw an own change before it is decided. Raises NotAllowed, WrongState, LimitReached."""
    with transaction.atomic(durable=True):
        change = lock_change(change_id)
        guards.require_requester(change, by, _("Only its requester can withdraw a change."))
        count_act(by, "withdraw")
        move_change(change, Status.WITHDRAWN, "change.withdrawn", by=by.username)
        return change


def _take_revision(change: Change, proposal: Proposal, *, by: User) -> Change:
    if Revision.objects.filter(pk=proposal.revision_id, change=change).exists():
        return change  # a form sent twice creates one revision
    guards.require_requester(change, by, _("Only its requester can revise a change."))
    guards.forbid_resubmission(proposal)
    if change.secret != proposal.secret:
        raise NotAllowed(_("The proposal is for another secret."))
    if change.status not in REVISABLE:
        raise WrongState(change)
    guards.require_writable_secret(proposal)
    if change.reverts is not None:
        revert_rules.require_revert_scope(change.reverts, proposal)
    secret_quotes.forbid_in_texts(change, secret_quotes.texts_of(proposal), by=by)
    lock_user(by)
    now = db_now()
    submitted = revisions.count_recent_submissions(proposal, by=by, now=now).revisions
    guards.enforce_submission_limit(proposal, by, submitted=submitted, now=now)
    voters = _approver_names(change)
    change.erase_encrypted_values()
    revision = revisions.create_revision(change, proposal, by=by, number=change.revision + 1, at=now)
    move_change(
        change,
        Status.PENDING,
        "change.revised",
        by=by.username,
        data={"votes_voided": voters, **revisions.revision_audit_data(revision)},
        revision=revision.number,
        risk=proposal.risk(change.burst_size),
        expires_at=policy.pending_deadline(now),
        approved_at=None,
        queued_at=None,
        cause=StatusCause.NONE,
        last_message="",
        last_http_status=None,
    )
    return change


def _submission_data(change: Change, revision: Revision) -> dict[str, object]:
    """Return what the log stores of a new change."""
    reverted = {"reverts": change.reverts.reference} if change.reverts else {}
    return {"secret_name": change.secret_name, **reverted, **revisions.revision_audit_data(revision)}


def _approver_names(change: Change) -> list[str]:
    standing = change.votes.filter(revision=change.revision, voided_at=None)
    return list(standing.values_list("voter__username", flat=True))
