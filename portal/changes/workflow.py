"""Submit, revise, withdraw, approve, reject and request changes. A refusal's `str()` is a sentence for the person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from portal.accounts.limits import count_act
from portal.accounts.models import User
from portal.accounts.presence import RecentAuth
from portal.accounts.roles import Right
from portal.accounts.user_lock import lock_user
from portal.audit import ledger
from portal.catalog.models import ApiSecret
from portal.changes import drafts, mentions, policy, revisions, rules, tasks, valid_votes, vote_mac
from portal.changes.care import NONE_TAKEN, ReviewProof
from portal.changes.models import REVISABLE, Change, Revision, Status, StatusCause, Verdict, Vote
from portal.changes.proposal import Proposal
from portal.changes.rules import NotAllowed, RuleViolation, StaleRevision
from portal.changes.transitions import WrongState, db_now, lock_change, move_change


@dataclass(frozen=True)
class VoteRequest:
    """One vote on its way: over which revision and digest, how its voter showed who they are, and how they looked."""

    verdict: Verdict
    revision: int
    digest: str
    reason: str
    presence: RecentAuth
    care: ReviewProof


def submit_change(proposal: Proposal, *, by: User, read: ApiSecret | None = None) -> Change:
    """Put a proposal up for decision and return its change. `read`: its secret, where the caller has just read it.

    The same proposal submitted twice is one change. Raises NotAllowed, NotWritable, NothingChanged, ReasonMissing,
    TooManySubmissions.
    """
    rules.require_right(by, Right.PROPOSE)
    secret = rules.require_writable_secret(proposal, read)
    rules.require_changes(proposal)
    mentions.forbid_in_proposal(proposal)
    try:
        with transaction.atomic(durable=True):
            lock_user(by)
            now = db_now()
            recent = revisions.count_recent_submissions(proposal, by=by, now=now)
            rules.enforce_submission_limit(proposal, by, submitted=recent.revisions, now=now)
            change = Change.objects.create(
                secret=secret.identifier,
                secret_name=secret.name,
                requester=by,
                at_once=recent.secrets,
                risk=proposal.risk(recent.secrets),
                created_at=now,
                updated_at=now,
                status_since=now,
                expires_at=policy.pending_deadline(now),
            )
            revision = revisions.create_revision(change, proposal, by=by, number=1, at=now)
            drafts.discard_draft(by=by, secret=secret.identifier)
            ledger.record_event(
                "change.submitted",
                by=by.username,
                change=change.pk,
                secret=change.secret,
                data={"secret_name": change.secret_name, **revisions.revision_audit_data(revision)},
            )
            return change
    except IntegrityError:
        submitted = Change.objects.filter(revisions=proposal.revision_id, requester=by).first()
        if submitted is None:
            raise
        return submitted


def revise_change(change_id: int, proposal: Proposal, *, by: User) -> Change:
    """Replace what is proposed: a new revision without votes; the earlier sealed value is erased.

    Only by the requester, while pending or stale. Raises NotAllowed, AlreadySubmitted, WrongState and what submit
    raises.
    """
    rules.require_right(by, Right.PROPOSE)
    rules.require_changes(proposal)
    mentions.forbid_in_proposal(proposal)
    try:
        with transaction.atomic(durable=True):
            return _take_revision(lock_change(change_id), proposal, by=by)
    except IntegrityError:  # in the same moment it became a revision of another change
        rules.forbid_resubmission(proposal)
        raise


def withdraw_change(change_id: int, *, by: User) -> Change:
    """Take an own change back before it is decided. Raises NotAllowed, WrongState, LimitReached."""
    with transaction.atomic(durable=True):
        change = lock_change(change_id)
        rules.require_requester(change, by, _("Only its requester can withdraw a change."))
        count_act(by, "withdraw")
        move_change(change, Status.WITHDRAWN, "change.withdrawn", by=by.username)
        return change


def approve_change(
    change_id: int,
    *,
    by: User,
    revision: int,
    digest: str,
    reason: str = "",
    presence: RecentAuth,
    care: ReviewProof,
) -> Change:
    """Vote for exactly this revision; the vote that meets the policy approves the change and queues its delivery.

    `reason` is a comment that stays with the vote, and so does how the voter showed who they are (`presence`). High
    risk wants `care`. Raises NotAllowed, OwnChange, AlreadyVoted, StaleRevision, WrongState, DiffNotOpened,
    ImpactNotConfirmed, ReauthenticationRequired; each refusal is in the log.
    """
    ballot = VoteRequest(Verdict.APPROVE, revision, digest, reason.strip(), presence, care)
    change = _vote(change_id, ballot, by=by)
    if change.status == Status.APPROVED:
        tasks.enqueue_change(change.pk)
    return change


def reject_change(change_id: int, *, by: User, revision: int, digest: str, reason: str, presence: RecentAuth) -> Change:
    """Vote against it, which ends the change for good. Raises ReasonMissing and what approve raises."""
    rules.require_reason(Verdict.REJECT, reason)
    ballot = VoteRequest(Verdict.REJECT, revision, digest, reason.strip(), presence, NONE_TAKEN)
    return _vote(change_id, ballot, by=by)


def request_changes(
    change_id: int, *, by: User, revision: int, digest: str, reason: str, presence: RecentAuth
) -> Change:
    """Ask the requester for a revision: nobody else approves this one. Raises ReasonMissing and what approve raises.

    Who asked takes it back by approving or rejecting after all.
    """
    rules.require_reason(Verdict.REQUEST_CHANGES, reason)
    ballot = VoteRequest(Verdict.REQUEST_CHANGES, revision, digest, reason.strip(), presence, NONE_TAKEN)
    return _vote(change_id, ballot, by=by)


class _Barred(Exception):
    """The database refused the vote."""


def _vote(change_id: int, ballot: VoteRequest, *, by: User) -> Change:
    try:
        return _voted(change_id, ballot, by=by)
    except (RuleViolation, WrongState) as refusal:
        ledger.record_event(
            "vote.refused",
            by=by.username,
            change=change_id,
            data={
                "verdict": str(ballot.verdict),
                "revision": ballot.revision,
                "rule": refusal.code,
            },
        )
        raise


def _voted(change_id: int, ballot: VoteRequest, *, by: User) -> Change:
    """Where the database refuses the vote the rules have failed, and its refusal is theirs."""
    try:
        with transaction.atomic(durable=True):
            change = lock_change(change_id)
            prefetch_related_objects([change], "revisions", "votes")  # nobody adds to them before this is over
            _may_vote(change, ballot, by=by)
            now = db_now()
            vote = _cast(change, ballot, by=by, at=now)
            ledger.record_event(
                "vote.cast",
                by=by.username,
                change=change.pk,
                secret=change.secret,
                data={
                    "verdict": str(ballot.verdict),
                    "revision": ballot.revision,
                    "digest": ballot.digest,
                    "voter": by.pk,
                    "voted_at": vote_mac.format_instant(vote.at),
                    "mac": vote.mac,
                    "reason": ballot.reason,
                    **ballot.presence.as_data(),
                },
            )
            votes = valid_votes.void_lapsed(change, [*rules.current_votes(change), vote])
            _decide(change, ballot, votes, by=by, at=now)
            return change
    except _Barred:  # after the rollback: PostgreSQL answers nothing in a transaction that failed
        raise rules.violation_from_constraint(change_id, ballot.revision, by=by) from None


def _may_vote(change: Change, ballot: VoteRequest, *, by: User) -> None:
    refusal = rules.find_vote_violation(change, by=by)
    if refusal is not None:
        raise refusal
    current = change.current()
    if change.revision != ballot.revision or current.digest != ballot.digest:
        raise StaleRevision(change)
    asked = rules.find_change_request_violation(change, ballot.verdict, by=by)
    if asked is not None:
        raise asked
    if ballot.verdict == Verdict.APPROVE:
        rules.require_review_proof(current, ballot.care)
    rules.require_recent_auth(ballot.presence)  # last: nobody enters a password for a vote that would not count


def _cast(change: Change, ballot: VoteRequest, *, by: User, at: datetime) -> Vote:
    """Write the vote down. Raises _Barred."""
    try:
        vote = Vote(
            change=change,
            revision=ballot.revision,
            digest=ballot.digest,
            requester_id=change.requester_id,
            voter=by,
            verdict=ballot.verdict,
            reason=ballot.reason,
            at=at,
        )
        vote.mac = vote_mac.compute_vote_mac(vote, by.username)
        vote.save(force_insert=True)
        return vote
    except IntegrityError:
        raise _Barred from None


def _decide(change: Change, ballot: VoteRequest, votes: list[Vote], *, by: User, at: datetime) -> None:
    """What the votes on its revision so far come to."""
    if ballot.verdict == Verdict.REJECT:
        move_change(change, Status.REJECTED, "change.rejected", by=by.username, data={"reason": ballot.reason})
        return
    if ballot.verdict == Verdict.REQUEST_CHANGES:
        data = {"reason": ballot.reason}
        move_change(change, Status.PENDING, "change.changes_requested", by=by.username, data=data)
        return
    current = change.current()
    if not rules.open_change_requests(votes) and valid_votes.is_approved(current, votes):
        move_change(
            change,
            Status.APPROVED,
            "change.approved",
            by=by.username,
            data={"digest": current.digest},
            approved_at=at,
            queued_at=at,
            expires_at=policy.approval_deadline(at),
            cause=StatusCause.NONE,
        )


def _take_revision(change: Change, proposal: Proposal, *, by: User) -> Change:
    if Revision.objects.filter(pk=proposal.revision_id, change=change).exists():
        return change  # the same form sent twice
    rules.require_requester(change, by, _("Only its requester can revise a change."))
    rules.forbid_resubmission(proposal)
    if change.secret != proposal.secret:
        raise NotAllowed(_("The proposal is for another secret."))
    if change.status not in REVISABLE:
        raise WrongState(change)
    rules.require_writable_secret(proposal)
    mentions.forbid_in_texts(change, mentions.texts_of(proposal), by=by)
    lock_user(by)
    now = db_now()
    submitted = revisions.count_recent_submissions(proposal, by=by, now=now).revisions
    rules.enforce_submission_limit(proposal, by, submitted=submitted, now=now)
    voters = _approver_names(change)
    change.erase_sealed()
    revision = revisions.create_revision(change, proposal, by=by, number=change.revision + 1, at=now)
    move_change(
        change,
        Status.PENDING,
        "change.revised",
        by=by.username,
        data={"votes_voided": voters, **revisions.revision_audit_data(revision)},
        revision=revision.number,
        risk=proposal.risk(change.at_once),
        expires_at=policy.pending_deadline(now),
        approved_at=None,
        queued_at=None,
        cause=StatusCause.NONE,
        answer="",
        answer_code=None,
    )
    return change


def _approver_names(change: Change) -> list[str]:
    standing = change.votes.filter(revision=change.revision, voided_at=None)
    return list(standing.values_list("voter__username", flat=True))
