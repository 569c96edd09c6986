"""People's steps: submit, revise, withdraw, approve, reject, retry, recheck. One act, one function, one transaction.

Every refusal is an exception that names the rule; `str()` of it is a sentence for the person who met it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.audit import ledger
from portal.catalog.models import ApiSecret
from portal.changes import patch as patches
from portal.changes import policy, sealed, tasks
from portal.changes.models import Cause, Change, Revision, Status, Verdict, Vote
from portal.changes.proposal import Proposal
from portal.changes.transitions import WrongState, db_now, lock, move
from portal.vault.entity import Secret


class Refused(Exception):
    """A rule says no."""


class NotAllowed(Refused):
    """The person lacks the right, or it is somebody else's change."""


class OwnChange(Refused):
    """Nobody decides a change they proposed or edited, administrators included."""


class AlreadyVoted(Refused):
    """One vote per person and revision."""


class StaleRevision(Refused):
    """The change was revised after the page was opened: the vote would be over something not seen."""

    def __init__(self, change: Change) -> None:
        super().__init__(_("This change was revised while you were reading. Look at the difference and decide again."))
        self.change = change


class NotWritable(Refused):
    """The portal's Segura user may not write this secret, or the secret is gone."""


class NothingChanged(Refused):
    """The proposal equals what the vault holds."""


class ReasonMissing(Refused):
    """A reason is mandatory."""


class ValueDiffers(Refused):
    """The secret value entered for a retry is not the one that was approved."""


def submit(proposal: Proposal, *, by: User) -> Change:
    """Put a proposal up for decision and return its change.

    The same proposal submitted twice is one change. Raises NotAllowed, NotWritable, NothingChanged, ReasonMissing.
    """
    _needs(by, Right.PROPOSE)
    secret = _writable(proposal)
    _complete(proposal)
    try:
        with transaction.atomic(durable=True):
            now = db_now()
            change = Change.objects.create(
                secret=secret.identifier,
                secret_name=secret.name,
                requester=by,
                created_at=now,
                updated_at=now,
                expires_at=_pending_until(now),
            )
            revision = _revise(change, proposal, by=by, number=1, at=now)
            ledger.record(
                "change.submitted",
                by=by.username,
                change=change.pk,
                secret=change.secret,
                data={"secret_name": change.secret_name, **_facts(revision)},
            )
            return change
    except IntegrityError:
        submitted = Change.objects.filter(revisions=proposal.revision_id, requester=by).first()
        if submitted is None:
            raise
        return submitted


def revise(change_id: int, proposal: Proposal, *, by: User) -> Change:
    """Replace what is proposed: a new revision without votes; the earlier sealed value is erased.

    Only by the requester, while pending or stale. Raises NotAllowed, WrongState and what submit raises.
    """
    _needs(by, Right.PROPOSE)
    _complete(proposal)
    with transaction.atomic(durable=True):
        change = lock(change_id)
        if Revision.objects.filter(pk=proposal.revision_id, change=change).exists():
            return change  # the same form sent twice
        _own(change, by, _("Only its requester can revise a change."))
        if change.secret != proposal.secret:
            raise NotAllowed(_("The proposal is for another secret."))
        if change.status not in (Status.PENDING, Status.STALE):
            raise WrongState(change)
        _writable(proposal)
        voters = _approver_names(change)
        now = db_now()
        Revision.objects.filter(change=change).exclude(sealed_secret=None).update(sealed_secret=None)
        revision = _revise(change, proposal, by=by, number=change.revision + 1, at=now)
        move(
            change,
            Status.PENDING,
            "change.revised",
            by=by.username,
            data={"votes_voided": voters, **_facts(revision)},
            revision=revision.number,
            expires_at=_pending_until(now),
            cause=Cause.NONE,
            answer="",
        )
        return change


def withdraw(change_id: int, *, by: User) -> Change:
    """Take an own change back before it is decided. Raises NotAllowed, WrongState."""
    with transaction.atomic(durable=True):
        change = lock(change_id)
        _own(change, by, _("Only its requester can withdraw a change."))
        move(change, Status.WITHDRAWN, "change.withdrawn", by=by.username)
        return change


def objection(change: Change, *, by: User) -> Refused | WrongState | None:
    """Why this person may not vote on the revision that counts, as approve would raise it; None where they may.

    Asks `revisions` and `votes` of the change, so that a page that has prefetched them pays nothing.
    """
    if change.requester_id == by.pk or any(revision.editor_id == by.pk for revision in change.revisions.all()):
        return OwnChange(_("Nobody decides a change they proposed or edited. Another member of %s can.") % _deciders())
    if not roles.holds(by, Right.DECIDE):
        return NotAllowed(_("Only members of %s can do this.") % _deciders())
    if change.status != Status.PENDING:
        return WrongState(change)
    if any(vote.voter_id == by.pk and vote.revision == change.revision for vote in change.votes.all()):
        return AlreadyVoted(_("You have voted on this revision; another approver is needed."))
    return None


def approve(change_id: int, *, by: User, revision: int, digest: str, reason: str = "") -> Change:
    """Vote for exactly this revision; the vote that meets the policy approves the change and queues its delivery.

    `reason` is a comment that stays with the vote. Raises NotAllowed, OwnChange, AlreadyVoted, StaleRevision,
    WrongState; each refusal is in the log.
    """
    change = _vote(change_id, Verdict.APPROVE, by=by, revision=revision, digest=digest, reason=reason.strip())
    if change.status == Status.APPROVED:
        tasks.publish(change.pk)
    return change


def reject(change_id: int, *, by: User, revision: int, digest: str, reason: str) -> Change:
    """Vote against it, which ends the change for good. Raises ReasonMissing and what approve raises."""
    if not reason.strip():
        raise ReasonMissing(_("A rejection needs a reason: the requester reads it."))
    return _vote(change_id, Verdict.REJECT, by=by, revision=revision, digest=digest, reason=reason.strip())


def retry(change_id: int, *, by: User, value: Secret | None = None) -> Change:
    """Queue a failed change again under its old votes: digest and base are checked anew before anything is sent.

    By its requester or who operates the portal. Where the change carries a client secret, its sealed value was
    erased when the change ended: the requester enters it again, and it must be the very value that was approved.
    Raises NotAllowed, WrongState, ValueDiffers.
    """
    with transaction.atomic(durable=True):
        change = lock(change_id)
        if change.requester_id != by.pk and not roles.holds(by, Right.OPERATE):
            raise NotAllowed(_("Only its requester or an administrator can retry a change."))
        if change.status != Status.FAILED:
            raise WrongState(change)
        now = db_now()
        revision = change.current()
        move(
            change,
            Status.APPROVED,
            "change.retried",
            by=by.username,
            data={"digest": revision.digest},
            approved_at=now,
            expires_at=_approved_until(now),
            not_before=None,
            ended_at=None,
            tries=0,
        )
        if revision.secret_fingerprint:
            if value is None or sealed.fingerprint(value) != revision.secret_fingerprint:
                raise ValueDiffers(
                    _("Enter the client secret that was approved: its value was erased when the change failed.")
                )
            blob = sealed.seal(value, revision.pk).blob
            Revision.objects.filter(pk=revision.pk).update(sealed_secret=blob)
    tasks.publish(change.pk)
    return change


def recheck(change_id: int, *, by: User) -> Change:
    """Let the portal read the vault again for a change that needs a person. Raises NotAllowed, WrongState."""
    _needs(by, Right.OPERATE)
    with transaction.atomic(durable=True):
        change = lock(change_id)
        if change.status != Status.NEEDS_HUMAN:
            raise WrongState(change)
        move(
            change,
            Status.IN_DOUBT,
            "change.rechecked",
            by=by.username,
            not_before=None,
            tries=0,
            doubts=0,
            doubtful_since=db_now(),
        )
    tasks.publish(change.pk)
    return change


def _vote(change_id: int, verdict: Verdict, *, by: User, revision: int, digest: str, reason: str = "") -> Change:
    try:
        with transaction.atomic(durable=True):
            change = lock(change_id)
            _may_vote(change, by, revision, digest)
            Vote.objects.create(
                change=change,
                revision=revision,
                digest=digest,
                requester=change.requester,
                voter=by,
                verdict=verdict,
                reason=reason,
                at=db_now(),
            )
            ledger.record(
                "vote.cast",
                by=by.username,
                change=change.pk,
                secret=change.secret,
                data={"verdict": str(verdict), "revision": revision, "digest": digest, "reason": reason},
            )
            _decide(change, verdict, by=by, reason=reason)
            return change
    except (Refused, WrongState) as refusal:
        ledger.record(
            "vote.refused",
            by=by.username,
            change=change_id,
            data={"verdict": str(verdict), "revision": revision, "rule": type(refusal).__name__},
        )
        raise


def _may_vote(change: Change, by: User, revision: int, digest: str) -> None:
    refusal = objection(change, by=by)
    if refusal is not None:
        raise refusal
    if change.revision != revision or change.current().digest != digest:
        raise StaleRevision(change)


def _decide(change: Change, verdict: Verdict, *, by: User, reason: str) -> None:
    """What the votes so far come to."""
    if verdict == Verdict.REJECT:
        move(change, Status.REJECTED, "change.rejected", by=by.username, data={"reason": reason})
        return
    votes = change.votes.filter(revision=change.revision, verdict=Verdict.APPROVE)
    standing = votes.filter(voter__in=roles.holders(Right.DECIDE)).values_list("voter_id", flat=True)
    if policy.Policy.from_data(change.current().policy).met_by(standing):
        now = db_now()
        move(
            change,
            Status.APPROVED,
            "change.approved",
            by=by.username,
            data={"digest": change.current().digest},
            approved_at=now,
            expires_at=_approved_until(now),
        )


def _revise(change: Change, proposal: Proposal, *, by: User, number: int, at: datetime) -> Revision:
    required = policy.Policy(settings.APPROVALS_REQUIRED).as_data()
    base = proposal.base
    fingerprint = proposal.sealed.fingerprint if proposal.sealed else ""
    return Revision.objects.create(
        pk=proposal.revision_id,
        change=change,
        number=number,
        editor=by,
        created_at=at,
        patch=proposal.patch,
        base=base.fields if base else None,
        base_secret_fingerprint=base.secret_fingerprint if base else "",
        sealed_secret=proposal.sealed.blob if proposal.sealed else None,
        secret_fingerprint=fingerprint,
        policy=required,
        reason=proposal.reason.strip(),
        ticket=proposal.ticket.strip(),
        digest=patches.digest(
            secret=change.secret,
            patch=proposal.patch,
            secret_fingerprint=fingerprint,
            base_fingerprint=base.fingerprint if base else "",
            policy=required,
        ),
    )


def _facts(revision: Revision) -> dict[str, object]:
    """What the log keeps of a revision: everything but the secret value."""
    return {
        "revision": revision.number,
        "digest": revision.digest,
        "fields": patches.fields(revision.patch, new_secret=bool(revision.secret_fingerprint)),
        "patch": revision.patch,
        "base": revision.base,
        "base_known": revision.base is not None,
        "policy": revision.policy,
        "reason": revision.reason,
        "ticket": revision.ticket,
    }


def _needs(by: User, right: Right) -> None:
    if not roles.holds(by, right):
        groups = ", ".join(_(name) for name in roles.groups_with(right))
        raise NotAllowed(_("Only members of %s can do this.") % groups)


def _own(change: Change, by: User, rule: str) -> None:
    if change.requester_id != by.pk:
        raise NotAllowed(rule)


def _writable(proposal: Proposal) -> ApiSecret:
    secret = ApiSecret.objects.filter(pk=proposal.secret).first()
    if secret is None or secret.vanished_at:
        raise NotWritable(_("Segura no longer lists this secret."))
    if not secret.can_write:
        raise NotWritable(
            _("The portal's Segura user may not edit this secret; its owner can share it with edit right.")
        )
    return secret


def _complete(proposal: Proposal) -> None:
    if not proposal.patch and proposal.sealed is None:
        raise NothingChanged(_("Nothing changed: edit at least one field."))
    if not proposal.reason.strip():
        raise ReasonMissing(_("A reason is mandatory: approvers and auditors read it."))


def _approver_names(change: Change) -> list[str]:
    votes = change.votes.filter(revision=change.revision).select_related("voter")
    return [vote.voter.username for vote in votes]


def _deciders() -> str:
    return ", ".join(_(name) for name in roles.groups_with(Right.DECIDE))


def _pending_until(now: datetime) -> datetime:
    return now + timedelta(days=settings.CHANGE_PENDING_DAYS)


def _approved_until(now: datetime) -> datetime:
    return now + timedelta(days=settings.CHANGE_APPROVED_DAYS)
