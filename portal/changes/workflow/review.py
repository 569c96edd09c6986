"""Commands of approvers: approve, reject, request changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import prefetch_related_objects

from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.audit import ledger
from portal.changes.approvals import valid_votes, vote_mac
from portal.changes.delivery import tasks
from portal.changes.domain import policy
from portal.changes.domain.review_proof import NONE_TAKEN, ReviewProof
from portal.changes.domain.risks import RiskLevel
from portal.changes.models import Change, Status, StatusCause, Verdict, Vote
from portal.changes.rules import base_checks, guards, signature_rules
from portal.changes.rules.guards import RuleViolation, StaleRevision
from portal.changes.transitions import WrongState, db_now, lock_change, move_change
from portal.vote_keys.signed_text import SignedText


@dataclass(frozen=True)
class VoteRequest:
    """One vote to be cast: revision and digest it is over, the voter's recent authentication and review proof."""

    verdict: Verdict
    revision: int
    digest: str
    reason: str
    recent_auth: RecentAuth
    review_proof: ReviewProof
    signed: SignedText | None


def approve_change(
    change_id: int,
    *,
    by: User,
    revision: int,
    digest: str,
    reason: str = "",
    recent_auth: RecentAuth,
    review_proof: ReviewProof,
    signed: SignedText | None = None,
) -> Change:
    """Vote for exactly this revision; the vote that meets the policy approves the change and queues its delivery.

    `reason` is a comment that is stored with the vote, and so is how the voter confirmed their identity
    (`recent_auth`). A high-risk change requires `review_proof`; `signed` is the signature, None for an unsigned vote.
    Raises NotAllowed, OwnChange, AlreadyVoted, ChangesRequested, StaleRevision, WrongState, DiffNotOpened,
    ImpactNotConfirmed, SignatureRequired, SignatureInvalid, ReauthenticationRequired; each rule violation is recorded
    in the log.
    """
    ballot = VoteRequest(Verdict.APPROVE, revision, digest, reason.strip(), recent_auth, review_proof, signed)
    change = _vote(change_id, ballot, by=by)
    if change.status == Status.APPROVED:
        tasks.enqueue_change(change.pk)
    return change


def reject_change(
    change_id: int,
    *,
    by: User,
    revision: int,
    digest: str,
    reason: str,
    recent_auth: RecentAuth,
    signed: SignedText | None = None,
) -> Change:
    """Vote against the revision, which closes the change for good.

    Raises ReasonMissing and what approve_change raises.
    """
    guards.require_reason(Verdict.REJECT, reason)
    ballot = VoteRequest(Verdict.REJECT, revision, digest, reason.strip(), recent_auth, NONE_TAKEN, signed)
    return _vote(change_id, ballot, by=by)


def request_changes(
    change_id: int,
    *,
    by: User,
    revision: int,
    digest: str,
    reason: str,
    recent_auth: RecentAuth,
    signed: SignedText | None = None,
) -> Change:
    """Ask the requester for a revision: until then no other approver can approve this one.

    The approver withdraws the request by approving or rejecting after all. Raises ReasonMissing and what approve_change
    raises.
    """
    guards.require_reason(Verdict.REQUEST_CHANGES, reason)
    ballot = VoteRequest(Verdict.REQUEST_CHANGES, revision, digest, reason.strip(), recent_auth, NONE_TAKEN, signed)
    return _vote(change_id, ballot, by=by)


class _Barred(Exception):
    """A database constraint prevents the vote."""


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
    """Cast the vote in one durable transaction; turn a vote that a constraint prevents into its rule violation.

    A constraint only fires where the checks before it have failed.
    """
    try:
        with transaction.atomic(durable=True):
            change = lock_change(change_id)
            prefetch_related_objects([change], "revisions", "votes")  # the row lock prevents new votes and revisions
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
                    "voted_at": vote_mac.format_instant(vote.voted_at),
                    "mac": vote.mac,
                    "reason": ballot.reason,
                    **ballot.recent_auth.as_data(),
                    **({"high_risk": True} if vote.is_high_risk else {}),
                    **({"signature": ballot.signed.as_data()} if ballot.signed else {}),
                },
            )
            votes = valid_votes.void_lapsed(change, [*guards.current_votes(change), vote])
            _decide(change, ballot, votes, by=by, at=now)
            return change
    except _Barred:  # after the rollback: PostgreSQL answers no query in a failed transaction
        raise guards.violation_from_constraint(change_id, ballot.revision, by=by) from None


def _may_vote(change: Change, ballot: VoteRequest, *, by: User) -> None:
    refusal = guards.find_vote_violation(change, by=by)
    if refusal is not None:
        raise refusal
    current = change.get_current_revision()
    if change.revision != ballot.revision or current.digest != ballot.digest:
        raise StaleRevision(change)
    asked = guards.find_change_request_violation(change, ballot.verdict, by=by)
    if asked is not None:
        raise asked
    if ballot.verdict == Verdict.APPROVE:
        base_checks.forbid_changed_base(change, current)
        guards.require_review_proof(current, ballot.review_proof)
    signature_rules.require_signature(current, is_signed=ballot.signed is not None)
    # Last: no voter enters a password for a vote that would not count.
    guards.require_vote_auth(ballot.recent_auth, high_risk=guards.is_high_risk(current))


def _cast(change: Change, ballot: VoteRequest, *, by: User, at: datetime) -> Vote:
    """Store the vote. Raises _Barred if a database constraint prevents it."""
    try:
        vote = Vote(
            change=change,
            revision=ballot.revision,
            digest=ballot.digest,
            requester_id=change.requester_id,
            voter=by,
            verdict=ballot.verdict,
            reason=ballot.reason,
            voted_at=at,
            signed_with=ballot.signed.key if ballot.signed else "",
            is_high_risk=guards.is_high_risk(change.get_current_revision()),
        )
        if ballot.signed:
            signature_rules.check_signature(ballot.signed, vote, by)
        vote.mac = vote_mac.compute_vote_mac(vote, by.username)
        vote.save(force_insert=True)
        return vote
    except IntegrityError:
        raise _Barred from None


def _decide(change: Change, ballot: VoteRequest, votes: list[Vote], *, by: User, at: datetime) -> None:
    """Move the change as the valid votes on its current revision require."""
    if ballot.verdict == Verdict.REJECT:
        move_change(change, Status.REJECTED, "change.rejected", by=by.username, data={"reason": ballot.reason})
        return
    if ballot.verdict == Verdict.REQUEST_CHANGES:
        data = {"reason": ballot.reason}
        move_change(change, Status.PENDING, "change.changes_requested", by=by.username, data=data)
        return
    current = change.get_current_revision()
    if not guards.open_change_requests(votes) and valid_votes.is_approved(current, votes):
        move_change(
            change,
            Status.APPROVED,
            "change.approved",
            by=by.username,
            data={"digest": current.digest, "risk": RiskLevel(change.risk).name.lower()},
            approved_at=at,
            queued_at=at,
            expires_at=policy.approval_deadline(at),
            cause=StatusCause.NONE,
        )
